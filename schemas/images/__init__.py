"""What image files say before their pixels: the one reader of size, orientation and time, for the index and the decoder."""
