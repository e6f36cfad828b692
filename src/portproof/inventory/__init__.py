"""Read which hosts an audit must account for, and how each is reached."""
