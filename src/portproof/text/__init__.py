"""Text for people: words and numbers, times, and text from hosts made safe to show."""
