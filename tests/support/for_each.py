"""One test over many cases that differ in a parameter alone; it lists every case that fails."""

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Test = Callable[..., None]


def for_each(
    names: str | Sequence[str],
    cases: Iterable[Any] | Callable[[], Iterable[Any]],
    ids: Callable[[Any], str] | Sequence[str] = repr,
) -> Callable[[Test], Test]:
    """Run a test with every case, and fail once with all cases that failed.

    Takes what ``pytest.mark.parametrize`` takes, for tests that need no fixture of their own for
    each case. It can be stacked. Cases that take time to make are given as a function, which is
    called when the test runs.
    """
    keys = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)

    @functools.cache
    def rows() -> list[tuple[Any, ...]]:
        made = cases if isinstance(cases, Iterable) else cases()
        return [(row,) if len(keys) == 1 else tuple(row) for row in made]

    def decorate(test: Test) -> Test:
        def every(**fixtures: Any) -> None:  # noqa: ANN401 - whatever fixtures the test asks for
            faults = []
            values = rows()
            labels = [", ".join(map(ids, row)) for row in values] if callable(ids) else list(ids)
            for label, row in zip(labels, values, strict=True):
                given = dict(zip(keys, row, strict=True))
                try:
                    test(**fixtures, **given)
                except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - all are listed
                    faults.append(f"{label}: {type(error).__name__}: {error}")
            assert values, "there are no cases"
            assert faults == [], "\n".join(faults)

        functools.update_wrapper(every, test)
        signature = inspect.signature(test)
        parameters = [kept for name, kept in signature.parameters.items() if name not in keys]
        every.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        del every.__wrapped__  # type: ignore[attr-defined]
        return every

    return decorate
