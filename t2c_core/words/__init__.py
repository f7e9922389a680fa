"""Vectors in words: vocabularies, sparse codes, fidelity."""
