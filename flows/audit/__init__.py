"""A whole audit from one file: index to report, as plain functions or as a Prefect flow."""
