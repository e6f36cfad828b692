"""The folder of an audit: written, read, hashed and signed."""
