"""The paper's laboratory: pairs, curves, components, objectives."""
