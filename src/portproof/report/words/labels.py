"""Names of hosts as the report shows them: each another one."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from portproof.text.visible import visible

_ALIKE: Final = " (in JSON; not the only "


def told_apart(names: Sequence[str]) -> list[str]:
    """Make names visible; one that then looks like another begins with what tells them apart.

    That is the name as a JSON string (RFC 8259, section 7), so it is the same in every report. It
    comes first because tables cut what is long. Names that differ are shown differently: one that
    is written as if it had been told apart is, too.
    """
    shown = [visible(name) for name in names]
    times = Counter(shown)
    if len(times) == len(shown) and not any(_ALIKE in each for each in shown):
        return shown
    return [
        f"{json.dumps(name)}{_ALIKE}{each})" if times[each] > 1 or _ALIKE in each else each
        for name, each in zip(names, shown, strict=True)
    ]
