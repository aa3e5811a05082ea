/* Looks its arguments up with getaddrinfo and getnameinfo, and prints a line for each: a name behind
   "0:", "4:" or "6:" for both or one family gives its addresses; an address behind "r:" gives its name. */
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

static void forward(int family, const char *name)
{
	struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM}, *all;
	if (getaddrinfo(name, 0, &hints, &all))
		return;
	for (struct addrinfo *a = all; a; a = a->ai_next) {
		char text[128];
		if (!getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, 0, 0, NI_NUMERICHOST))
			printf("%s ", text);
	}
}

static void reverse(const char *addr)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *a;
	char name[1025];
	if (!getaddrinfo(addr, 0, &hints, &a) &&
	    !getnameinfo(a->ai_addr, a->ai_addrlen, name, sizeof name, 0, 0, NI_NAMEREQD))
		printf("%s", name);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *what = argv[i];
		if (*what == 'r')
			reverse(what + 2);
		else
			forward(*what == '4' ? AF_INET : *what == '6' ? AF_INET6 : AF_UNSPEC, what + 2);
		putchar('\n');
	}
}
