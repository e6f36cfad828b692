"""What runs on hosts, and nothing else: it imports nothing of portproof."""
