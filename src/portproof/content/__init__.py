"""Read YAML files into models; report every error at once, with its place in the file."""
