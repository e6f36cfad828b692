"""One module a format: each writes an audit result in one."""
