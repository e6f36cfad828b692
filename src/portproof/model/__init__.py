"""Frozen values without input or output, used by all other parts of portproof."""
