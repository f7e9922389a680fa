"""The embedded demo: a procedural world of primitives with known ground truth, and the audit that is run on it."""
