"""Rule kinds. Each declares what must hold and judges it, one kind per file."""
