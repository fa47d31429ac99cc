"""What every process needs before its own work: settings, strict configuration, logs, health pages."""
