"""Concept bottleneck models: fit, measure, explain, edit."""
