"""The sources that answer osquery's SQL on a machine, one per file."""
