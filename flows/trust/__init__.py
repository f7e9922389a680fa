"""Which concepts may be believed, and why."""
