"""Concept vectors, similarities, zero-shot decisions, heads, trust."""
