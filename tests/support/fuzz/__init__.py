"""Fuzzing of everything that reads what hosts or users send."""
