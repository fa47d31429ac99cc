"""The report as PDF, XLSX and JSON. Renderers choose words and places; every figure comes from the report's value."""
