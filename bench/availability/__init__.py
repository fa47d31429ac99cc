"""The availability exporter beside blackbox_exporter: the same targets, CPU as the operating system counts it."""
