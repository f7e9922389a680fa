"""Zero-shot classification with class names as concepts."""
