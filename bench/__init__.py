"""Benchmarks against peers: `make bench`, or `make bench ONLY=availability`. They measure; nobody imports them."""
