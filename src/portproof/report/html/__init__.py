"""The HTML report: what it shows, worked out from a result, and its page."""
