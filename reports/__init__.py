"""The month's figures: availability, SLA control matrix and loads as one value, rendered as PDF, XLSX and JSON."""
