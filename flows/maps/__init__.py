"""Linear maps between spaces: fit, list, import, export, measure; classification heads."""
