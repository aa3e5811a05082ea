//go:build !linux

package lab

import (
	"errors"
	"os"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// TestUnsupported has Test skip aloud.
func TestUnsupported(t *testing.T) {
	if _, err := Open(Config{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Open = %v, want ErrUnsupported", err)
	}
	Test(t, nil)
	t.Error("Test came back without a lab")
}
