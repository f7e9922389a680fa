"""The drawn world of primitives: shapes, backdrops, captions."""
