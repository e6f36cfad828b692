"""What answers osquery's SQL on a machine: one source a file."""
