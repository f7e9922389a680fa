"""Many encoders and many maps from one object: joint moments, curves, principal components."""
