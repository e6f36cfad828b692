"""Parts of ``audit.json`` that are described in its schema and read back alike."""

from typing import Any

import msgspec

from portproof.model.verdicts import Judgement


class Judged(msgspec.Struct, frozen=True):
    """A verdict that has more to say than its letter; the reason is there when it is unproven."""

    host: str
    rule: str
    judgement: Judgement


class NotApplicable(msgspec.Struct, frozen=True):
    """Why a rule is not applicable on a platform, where nothing else stands in ``judgements``."""

    rule: str
    platform: str
    judgement: Judgement


class PlacedWaiver(msgspec.Struct, frozen=True):
    """A waiver, the key of its rule, and where it is written (line 0: made in Python).

    ``index`` is its place among the waivers of its file, from 0.
    """

    rule: str
    file: str
    line: int
    index: int
    waiver: dict[str, Any]
