"""The outside world, one service per file; each implements a Protocol of domain/ports.py with one client library."""
