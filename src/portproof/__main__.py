"""``python -m portproof``."""

from portproof.cli import main

main()
