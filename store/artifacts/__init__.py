"""Every kind of artifact that a store keeps: how it is written, opened and checked."""
