"""The paper's laboratory: pairs of encoders, curves, principal components."""
