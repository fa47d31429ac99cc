"""What Prometheus scrapes: one process and one /metrics per role. A scrape renders, it never looks."""
