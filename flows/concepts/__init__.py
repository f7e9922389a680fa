"""Concept banks: add, import, refine, compare with prompts; vocabularies of words."""
