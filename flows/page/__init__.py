"""The drawing kit of pages: charts, thumbnails, words, the frame of a document."""
