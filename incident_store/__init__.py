"""The facts (episodes, incidents, events) and the arithmetic on them (`domain`)."""
