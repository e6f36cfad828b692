"""Look at hosts over SSH: one connection and one command per host."""
