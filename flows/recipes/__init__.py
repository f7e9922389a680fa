"""Recipes: what an experiment costs before it is run, readers of its datasets, and the runner of its commands."""
