"""Frozen values without input or output: what every other part of portproof talks in."""
