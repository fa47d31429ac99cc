"""Probes the components and accounts for the time each was up, down or unknown."""
