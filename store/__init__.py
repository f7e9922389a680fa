"""Every byte on disk: image index, Zarr features, linear maps, Parquet tables, catalog, queries."""
