"""Linear maps between spaces: moments, ridge, Procrustes, low rank, their quality."""
