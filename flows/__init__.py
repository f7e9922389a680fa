"""Composition: steps, flows, the t2c command, reports, the demo."""
