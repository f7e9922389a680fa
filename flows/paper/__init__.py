"""The paper's experiments on the world of primitives: drawn, run from their recipe, and written up with figures."""
