"""A dataset's images and tables: index, retry, import of attributes and predictions."""
