"""Arrow schemas of every table, and the views and macros of the catalog."""
