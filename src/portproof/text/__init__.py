"""Text as people read it: words and numbers, times, and what hosts send made safe to show."""
