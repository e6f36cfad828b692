"""The psutil probe sees real sockets."""

from types import ModuleType

import yaml

from portproof.model.observation import Observed, Platform, Row
from portproof.sources import probe_psutil
from portproof.sources.probe import Collected, checked
from portproof.sources.sqltables import answer
from support.netns import held
from support.paths import ROOT

SHIPPED = yaml.safe_load((ROOT / "checks" / "listening-sockets.yml").read_text())["sql"]
TABLES = ["process_open_sockets", "listening_ports", "processes", "users"]
WANTED: dict[str, dict[str, object]] = {
    "tcp4": {"family": 4, "kind": "tcp", "address": "127.0.0.1"},
    "tcp6": {"family": 6, "kind": "tcp", "address": "::1"},
    "tcp6 any": {"family": 6, "kind": "tcp", "address": "::"},
    "udp4": {"family": 4, "kind": "udp", "address": "127.0.0.1"},
    "udp6": {"family": 6, "kind": "udp", "address": "::"},
    "idle": {"family": 4, "kind": "tcp", "address": "127.0.0.1", "idle": True},
    "connected": {"family": 4, "kind": "udp", "peer": "udp4"},
}


def collected(module: ModuleType, *names: str) -> Collected:
    """What the probe told, which must have the shape that is understood."""
    found = checked(module.collect(names))
    assert isinstance(found, Collected), found
    return found


def asked(platform: Platform, found: Collected) -> list[Row]:
    """The rows of the shipped question."""
    told = answer(SHIPPED[platform], platform, found.tables, 300.0, 100_000)
    assert isinstance(told, Observed), told
    return list(told.rows)


def test_the_shipped_question_is_answered() -> None:
    """With the macOS variant, which asks no namespace; each listener with its owner."""
    with held(WANTED) as opened:
        found = asked(Platform.MACOS, collected(probe_psutil, *TABLES))
    told = {
        (row["protocol"], row["family"], row["address"], row["port"])
        for row in found
        if row["pid"] == str(opened["tcp4"]["pids"][0])
    }
    ports = {name: str(socket_told["port"]) for name, socket_told in opened.items()}
    assert told == {
        ("6", "2", "127.0.0.1", ports["tcp4"]),
        ("6", "10", "::1", ports["tcp6"]),
        ("6", "10", "::", ports["tcp6 any"]),
        ("17", "2", "127.0.0.1", ports["udp4"]),
        ("17", "10", "::", ports["udp6"]),
    }
