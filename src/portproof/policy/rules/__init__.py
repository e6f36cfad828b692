"""Rule kinds: each declares what must hold and judges it, one kind a file."""
