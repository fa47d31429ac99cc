"""The dashboard of the operation, written as code."""
