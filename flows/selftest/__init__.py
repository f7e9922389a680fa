"""How often honest halves of a dataset would be flagged."""
