"""Where images come from: folders, tars, Parquet files, and what their headers say."""
