"""What is done with the folders of audits after the look: judge again, verify, compare."""
