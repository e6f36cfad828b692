"""Fuzzes one target, or all in turn: ``python -m support.fuzz [TARGET ...] [--seconds N]``.

atheris drives it where it is installed, guided by coverage of portproof's code; else hypothesis
does, over mutated seeds. A process of its own is started for each target, with little memory. What
fails is left in ``fuzz-findings/``; ``python -m support.fuzz TARGET FILE`` tries it again.
"""

import argparse
import importlib
import importlib.util
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.fuzz.targets import Target

_MEMORY = 3 << 30
_LONGEST = 20_000
"""Bytes of an input; what must be longer to fail is for tests of limits."""
_FINDINGS = Path("fuzz-findings")


def main() -> int:
    """Do as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m support.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--by", choices=("atheris", "hypothesis"), default=_best())
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        return _fuzz(asked.targets[0], asked.seconds, asked.by)
    if len(asked.targets) == 2 and Path(asked.targets[1]).is_file():
        return _try_again(asked.targets[0], Path(asked.targets[1]))
    names = asked.targets or list(_targets())
    failed = [name for name in names if _apart(name, asked.seconds, asked.by)]
    sys.stdout.write(f"failed: {', '.join(failed)}\n" if failed else "nothing failed\n")
    return 1 if failed else 0


def _best() -> str:
    return "atheris" if importlib.util.find_spec("atheris") else "hypothesis"


def _targets() -> "dict[str, Target]":
    """The table, loaded late: atheris must see what it loads."""
    return dict(importlib.import_module("support.fuzz.targets").TARGETS)


def _apart(name: str, seconds: int, by: str) -> int:
    sys.stdout.write(f"{name}: {seconds} s by {by}\n")
    sys.stdout.flush()
    options = ("--here", "--seconds", str(seconds), "--by", by)
    return subprocess.run(
        [sys.executable, "-m", "support.fuzz", name, *options], check=False
    ).returncode


def _try_again(name: str, file: Path) -> int:
    _targets()[name].run(file.read_bytes())
    return 0


def _fuzz(name: str, seconds: int, by: str) -> int:
    return _by_atheris(name, seconds) if by == "atheris" else _by_hypothesis(name, seconds)


def _by_atheris(name: str, seconds: int) -> int:
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["portproof"]):
        target = _targets()[name]
    _FINDINGS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="portproof-fuzz-") as corpus:
        for number, seed in enumerate(target.seeds()):
            (Path(corpus) / str(number)).write_bytes(seed)
        options = [
            f"-max_total_time={seconds}",
            f"-max_len={_LONGEST}",
            "-timeout=20",
            f"-rss_limit_mb={_MEMORY >> 20}",
            f"-artifact_prefix={_FINDINGS}/{name}-",
            "-verbosity=0",
            "-print_final_stats=1",
        ]
        atheris.Setup([sys.argv[0], *options, corpus], target.run)
        atheris.Fuzz()  # ends the process
    return 0


def _by_hypothesis(name: str, seconds: int) -> int:
    hypothesis = importlib.import_module("hypothesis")
    inputs = importlib.import_module("support.fuzz.mutating").inputs
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    target = _targets()[name]
    begun, tried = time.monotonic(), 0

    def once(data: bytes) -> None:
        try:
            target.run(data)
        except BaseException:
            _FINDINGS.mkdir(exist_ok=True)
            (_FINDINGS / f"{name}-by-hypothesis").write_bytes(data)  # at last, the smallest one
            raise

    steps = hypothesis.settings(max_examples=500, deadline=None, database=None)
    while time.monotonic() < begun + seconds:
        hypothesis.seed(tried)(steps(hypothesis.given(inputs(target.seeds()))(once)))()
        tried += 500
    sys.stdout.write(f"{tried} inputs\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
