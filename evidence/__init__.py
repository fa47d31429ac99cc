"""Takes the evidence of each opening from Prometheus: a job of the worker."""
