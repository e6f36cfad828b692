"""The second round: who is behind a listener that fails."""
