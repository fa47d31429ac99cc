"""Reads the load log of the daily files and shows where each file stands."""
