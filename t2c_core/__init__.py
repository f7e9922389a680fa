"""The science of text-to-concept: arrays in, arrays out; no path, clock, log or global random state."""
