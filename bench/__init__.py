"""Benchmarks against peers: `make bench`, or `make bench ONLY=file-loads`."""
