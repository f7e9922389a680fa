"""The concept that stands out in each image, against a background."""
