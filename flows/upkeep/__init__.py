"""Looking after a store and a machine: explain, verify, compact, gc, doctor."""
