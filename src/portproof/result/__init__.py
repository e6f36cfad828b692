"""What an audit found: the verdicts of every host, and what they depend on."""
