"""YAML files become models; every error is told at once, with its place in the file."""
