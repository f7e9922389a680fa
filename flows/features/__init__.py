"""Features of images: extract, import, export, read."""
