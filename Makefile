GO ?= go
FUZZTIME ?= 10s
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: all test check fmt vet fix staticcheck race cross fuzz bench

# Without the part of cli that writes manual pages, which nothing here calls and which takes a millisecond at
# every start.
all:
	$(GO) build -tags urfave_cli_no_docs -o netdiag ./cmd/netdiag

test:
	$(GO) test ./...

check: fmt vet fix staticcheck race cross

fmt:
	@out=$$(gofmt -l .); test -z "$$out" || { echo "gofmt would change:"; echo "$$out"; exit 1; }

vet:
	$(GO) vet ./...

fix:
	@out=$$($(GO) fix -diff ./... 2>&1); test -z "$$out" || { echo "$$out"; exit 1; }

staticcheck:
	$(GO) run $(STATICCHECK) ./...

race:
	$(GO) test -race ./...

# Other systems and machines build, with their tests.
cross:
	GOARCH=arm64 $(GO) vet ./...
	GOARCH=386 $(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	GOOS=darwin $(GO) build -o /dev/null ./cmd/netdiag
	GOOS=windows $(GO) build -o /dev/null ./cmd/netdiag

# Every fuzz target for FUZZTIME.
fuzz:
	@for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

# The parts by themselves, then the program beside its peers (root; Debian: iputils-ping fping time
# traceroute mtr-tiny scamper nmap nftables knot knot-dnsutils bind9 bind9-dnsutils unbound), which takes an hour.
bench:
	$(GO) test -run '^$$' -bench . -benchmem ./internal/... ./ping ./resolve ./probe
	$(GO) test -run '^$$' -bench . -benchtime 9x -timeout 90m -v ./bench
