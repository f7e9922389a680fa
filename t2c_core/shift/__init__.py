"""Two samples of similarities compared: the test, its null by blocks, the part that class mix explains."""
