"""Mail out (outbox to SMTP or a ticket system) and mail in (mailbox to Bandeja)."""
