"""Turn Fleet policies and osquery packs into policies and checks; report what is left out."""
