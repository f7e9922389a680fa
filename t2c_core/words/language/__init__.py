"""Language models that put a vector into words: decoders guided by a CLIP text encoder."""
