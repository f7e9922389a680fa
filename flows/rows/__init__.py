"""What rows of a dataset hold, for any verb: labels, features, similarities, blocks, sides of a comparison."""
