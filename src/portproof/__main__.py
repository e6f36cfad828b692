"""``python -m portproof``."""

from portproof.cli import program

program()
