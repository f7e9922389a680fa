"""From an encoded file to upright RGB pixels, with numpy, Pillow and libjpeg-turbo; no torch."""
