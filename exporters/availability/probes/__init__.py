"""The kinds of probe: one file each, and one line each in `table.py`."""
