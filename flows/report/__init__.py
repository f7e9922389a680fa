"""The audit as one self-contained HTML file: plain data in, one string out."""
