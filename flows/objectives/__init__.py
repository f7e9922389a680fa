"""Objectives of the aligner compared by what they are worth in zero-shot accuracy."""
