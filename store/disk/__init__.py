"""Bytes below a store's root: files in a folder or an object store, leases, manifests, paths."""
