"""Self-tests of a judge: suites with a known outcome that ship with the package."""
