"""Steps: each reads blocks from the store, computes with t2c_core, and writes blocks; plain functions that Python callers use."""
