"""The incident store as metrics: open incidents and the deadlines of their SLA clocks."""
