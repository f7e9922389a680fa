"""The human study as a kit: pages that annotators answer in a browser, and the tables made of their answers (paper, appendix I)."""
