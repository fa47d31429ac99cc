"""Benchmarks against peers: `make bench`, or `make bench ONLY=receiver`."""
