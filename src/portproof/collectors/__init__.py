"""Where observations come from: one transport or source a file."""
