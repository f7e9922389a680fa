"""Vectors in words: heads, classes, clusters, images, shifts."""
