"""Looking at hosts over SSH: one connection and one command a host."""
