"""The JSON API under /api/v1: the same rights and the same decisions as the pages, for programs."""
