"""Fleet's policies and osquery's packs become policies and checks; what cannot is told."""
