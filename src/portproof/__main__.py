"""``python -m portproof``."""

from portproof.command import program

program()
