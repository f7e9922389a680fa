"""Classifiers that read concepts alone, what tips their decisions, and where models fail."""
