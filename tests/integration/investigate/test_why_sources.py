"""Who is behind a process, asked of osquery's programs: one round after the other."""

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from portproof.investigate.why import ask_source
from portproof.model.observation import Platform, Reason, SourceReply, Unobserved
from portproof.model.why import Why
from portproof.sources import probe as embedded
from portproof.sources import probe_psutil
from portproof.sources.osqueryd import OsquerydSource
from portproof.sources.osqueryi import OsqueryiSource
from portproof.sources.own import NOTHING_OWN, Own
from support.investigate.whysql import LINUX, SHA, ask
from support.standins.install import asked, osqueryi
from support.standins.osqueryd import Osqueryd, mute
from support.standins.schema import TABLES


def test_osqueryd_is_asked_over_its_socket(tmp_path: Path) -> None:
    """The same through the real source and its Thrift connection, but for packages of Debian.

    Questions about those can crash osqueryd, so it is not asked.
    """
    with Osqueryd(tmp_path / "osquery.em", LINUX) as server:
        source = OsquerydSource(str(server.path), 10.0, Platform.LINUX)
        found = ask_source(source, Platform.LINUX, [812])
        assert not [sql for sql in server.asked if "deb_packages" in sql]
    assert not isinstance(found, Unobserved)
    assert _without_package(found[812]) == _without_package(ask(Platform.LINUX, LINUX, 812)[0][812])


def _without_package(why: Why) -> Why:
    return msgspec.structs.replace(why, package=None, missing=())


def test_osqueryi_is_started_once_a_round(tmp_path: Path) -> None:
    """Three rounds for a process whose chain ends at the first parent."""
    program = osqueryi(tmp_path, LINUX)
    source = OsqueryiSource(str(program), platform=Platform.LINUX)
    found = ask_source(source, Platform.LINUX, [812])
    assert not isinstance(found, Unobserved)
    assert found == ask(Platform.LINUX, LINUX, 812)[0]
    assert len(asked(program)) == 3


def test_an_older_osquery_lacks_a_table_and_tells_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """deb_package_files came with osquery 5.19."""
    monkeypatch.delitem(TABLES, "deb_package_files")
    rows = {name: rows for name, rows in LINUX.items() if name != "deb_package_files"}
    with Osqueryd(tmp_path / "osquery.em", rows) as server:
        source = OsquerydSource(str(server.path), 10.0, Platform.LINUX)
        found = ask_source(source, Platform.LINUX, [812])
    assert not isinstance(found, Unobserved)
    why = found[812]
    assert (why.package, why.unowned_by) == (None, ())
    assert "its deb package could not be found: osqueryd: no such table" in " ".join(why.missing)
    assert why.executable is not None
    assert why.executable.sha256 == SHA


def test_a_mute_osqueryd_is_given_up(tmp_path: Path) -> None:
    """The first round already says that nothing can be told."""
    with Osqueryd(tmp_path / "osquery.em", LINUX, mute) as server:
        found = ask_source(
            OsquerydSource(str(server.path), 0.2, Platform.LINUX), Platform.LINUX, [812]
        )
    assert isinstance(found, Unobserved)
    assert found.reason is Reason.TIMEOUT


def test_an_osqueryd_that_falls_silent_leaves_what_was_told(tmp_path: Path) -> None:
    """The processes came, the rest did not: it is missing, and the process is there."""

    def then_mute(sql: str, reply: bytes) -> Iterator[bytes]:
        if "osquery_info" in sql or "pid IN" in sql:
            yield reply

    with Osqueryd(tmp_path / "osquery.em", LINUX, then_mute) as server:
        found = ask_source(
            OsquerydSource(str(server.path), 0.2, Platform.LINUX), Platform.LINUX, [812]
        )
    assert not isinstance(found, Unobserved)
    assert found[812].process.name == "npmp"
    assert found[812].unowned_by == ()
    assert any("its hash could not be found" in text for text in found[812].missing)


class Psutil:
    """portproof's own probe, as it is on a Mac without osquery."""

    name = "probe"

    def look(
        self, questions: Mapping[str, str], _own: Own = NOTHING_OWN
    ) -> SourceReply | Unobserved:
        """Answer from what psutil tells of this machine."""
        names = embedded.wanted(questions, Platform.MACOS)
        told = embedded.checked({**probe_psutil.collect(names), "platform": "macos"})
        assert not isinstance(told, Unobserved)
        return embedded.reply(questions, told, time.monotonic() + 10)


def test_psutil_tells_the_process_and_its_parents_and_what_it_cannot() -> None:
    """Without osquery there is no hash, no signature and no job; each is said to be missing."""
    found = ask_source(Psutil(), Platform.MACOS, [os.getpid()])
    assert not isinstance(found, Unobserved)
    why = found[os.getpid()]
    assert (why.process.uid, why.process.user != "") == (os.getuid(), True)
    assert why.parents[0].pid == os.getppid()
    for part in ("its hash", "its signature", "its launchd job", "its working folder"):
        assert any(text.startswith(part) and "install osquery" in text for text in why.missing)
