"""Folders of this repository that tests read."""

from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent.parent
ROOT: Final = TESTS.parent
CASES: Final = TESTS / "cases"
SUPPORT: Final = TESTS / "support"
