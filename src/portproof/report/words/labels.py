"""Make unique names of hosts for the report."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from portproof.text.visible import visible

_ALIKE: Final = " (in JSON; not the only "


def told_apart(names: Sequence[str]) -> list[str]:
    """Make names visible, and distinguish those that then look alike.

    Such a name is preceded by itself as a JSON string (RFC 8259, section 7), which is the same in
    every report. It comes first because tables truncate long text. A name that is written like a
    distinguished one is distinguished as well.
    """
    shown = [visible(name) for name in names]
    times = Counter(shown)
    if len(times) == len(shown) and not any(_ALIKE in each for each in shown):
        return shown
    return [
        f"{json.dumps(name)}{_ALIKE}{each})" if times[each] > 1 or _ALIKE in each else each
        for name, each in zip(names, shown, strict=True)
    ]
