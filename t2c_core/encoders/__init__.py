"""Encoders: the one address of torch, timm and open_clip."""
