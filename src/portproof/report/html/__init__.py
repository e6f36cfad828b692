"""The HTML report: what it shows, derived from a result, and its page."""
