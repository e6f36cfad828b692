"""The use cases, each a typed request and a typed result."""
