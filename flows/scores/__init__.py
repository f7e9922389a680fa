"""Similarities of images to concepts: score, top, find, summary, compact."""
