"""``portproof verify`` finds whatever is not as the audit wrote it."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portproof import __version__
from portproof.app.verify import verify
from portproof.archive.folder import Sign
from portproof.archive.signing import signer
from portproof.errors import ContentError
from support.calling import portproof
from support.folders import POLICY, case, job_of, looks_of, reseal, socket, write
from support.paths import CASES

FIRST = CASES / "data" / "folders" / "first"

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def sign(tmp_path_factory: pytest.TempPathFactory) -> Sign:
    """What signs with a key of the test's own."""
    file = tmp_path_factory.mktemp("keys") / "key"
    file.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    return signer(file, None)


@pytest.fixture
def audited(tmp_path: Path) -> Path:
    """A whole folder with every verdict there is."""
    write(tmp_path / "out", job_of(), looks_of())
    return tmp_path / "out"


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory, sign: Sign) -> Iterator[Path]:
    """A small signed folder with every kind of file."""
    path = tmp_path_factory.mktemp("signed") / "out"
    looks = looks_of({"web-1": case(socket(443, "nginx"), socket(609, "netinfod"))})
    write(path, job_of(hosts=["web-1"]), looks, sign=sign)
    yield path
    shutil.rmtree(path)


def edited(folder: Path, name: str, edit: Edit, line: int = 0) -> None:
    """Edit a line of JSON, or all of ``audit.json``, and make the manifest fit."""
    file = folder / name
    text = file.read_text(encoding="utf-8")
    parts = text.splitlines() if name == "evidence.jsonl" else [text]
    document = json.loads(parts[line])
    edit(document)
    parts[line] = json.dumps(document)
    file.write_text("\n".join(parts) + "\n", encoding="utf-8")
    reseal(folder)


def rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The sockets of a line of evidence."""
    found: list[dict[str, Any]] = document["look"]["reply"]["answers"]["listening-sockets"]["rows"]
    return found


def test_what_was_written_holds(audited: Path) -> None:
    """Exit code 0, and what was checked."""
    done = portproof("verify", audited)
    assert (done.code, done.err) == (0, "")
    assert "everything matches: 3 files, 5 hosts, 15 verdicts" in done.out
    assert "note: the manifest is not signed" in done.out


@settings(max_examples=120)
@given(data=st.data())
def test_any_byte_that_changed_is_noticed(copies: Path, data: st.DataObject) -> None:
    """In whatever file it is, and to whatever it changed."""
    file = data.draw(st.sampled_from(sorted(copies.iterdir())))
    before = file.read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    other = data.draw(st.integers(1, 255)) ^ before[place]
    file.write_bytes(before[:place] + bytes([other]) + before[place + 1 :])
    try:
        assert verify(copies).exit_code != 0
    except ContentError:
        pass  # so far from what was written that it cannot be read; the command says 2
    finally:
        file.write_bytes(before)
    assert verify(copies).exit_code == 0


@pytest.mark.parametrize("name", ["audit.json", "evidence.jsonl", "request.json"])
def test_a_file_that_is_gone_or_new_is_named(audited: Path, name: str) -> None:
    """Each by its name, with exit code 1."""
    (audited / name).rename(audited / "other.json")
    done = portproof("verify", audited)
    assert done.code == 1
    assert f"DIFFERS {name}: is missing" in done.out
    assert "DIFFERS other.json: is extra: the manifest does not know it" in done.out


def test_evidence_that_was_edited_is_found_by_its_verdicts(audited: Path) -> None:
    """Though every hash fits: the listener that failed the rule was taken out."""

    def take_out(line: dict[str, Any]) -> None:
        rows(line).pop(1)
        line["look"]["reply"]["answers"]["listening-sockets"]["count"] -= 1

    edited(audited, "evidence.jsonl", take_out)
    done = portproof("verify", audited)
    assert done.code == 1
    told = "web-1 retired-ports/npmp-trap-609: is fail, but its evidence gives pass"
    assert f"DIFFERS {told}" in done.out
    assert "1 difference: the folder is not as the audit wrote it" in done.out


def test_a_result_that_was_edited_is_found_by_its_evidence(audited: Path) -> None:
    """A failure turned into a pass, with totals and letters that fit."""

    def whitewash(document: dict[str, Any]) -> None:
        document["judgements"].pop(0)
        document["hosts"][0]["verdicts"] = "ppp"
        document["totals"]["verdicts"] |= {"pass": 8, "fail": 0}
        document["totals"] |= {"hosts_proven": 4, "hosts_failing": 0, "rules_failing": 0}
        document["exit_code"] = 3

    edited(audited, "audit.json", whitewash)
    done = portproof("verify", audited)
    assert done.code == 1
    assert "npmp-trap-609: is pass, but its evidence gives fail" in done.out


@pytest.mark.parametrize(
    ("name", "edit", "said"),
    [
        (
            "audit.json",
            lambda d: d.update(exit_code=0),
            "has totals or an exit code that do not match",
        ),
        (
            "audit.json",
            lambda d: d["run"].update(controller="me"),
            "belongs to another run than audit",
        ),
        (
            "audit.json",
            lambda d: d["policies"][0]["rules"][0].update(closed=610),
            "its evidence gives",
        ),
        (
            "audit.json",
            lambda d: d["basis"].update(waivers=[]),
            "is waived, but its evidence gives fail",
        ),
        (
            "audit.json",
            lambda d: d["basis"].update(today="2100-01-01"),
            "is waived, but its evidence gives fail",
        ),
        (
            "audit.json",
            lambda d: d["hosts"][1]["seen"].update(source="me"),
            "was audited in another way",
        ),
        ("audit.json", lambda d: d["hosts"][0].update(groups=[]), "has other groups in its"),
        (
            "audit.json",
            lambda d: d["judgements"][0]["judgement"]["findings"][0].update(message="fine"),
            "has findings or details that differ from those of its evidence",
        ),
        ("evidence.jsonl", lambda d: d.update(host="web-9"), "web-9: is not in the audit"),
        ("evidence.jsonl", lambda d: d.update(host="web-9"), "web-1: has no evidence"),
        ("evidence.jsonl", lambda d: d.update(host="web-2"), "web-2: is twice in the evidence"),
        ("evidence.jsonl", lambda d: d.pop("look"), "evidence.jsonl: is damaged"),
        (
            "evidence.jsonl",
            lambda d: rows(d)[0].update(port="9"),
            "is pass, but its evidence gives fail",
        ),
    ],
)
def test_every_part_is_checked_against_the_others(
    audited: Path, name: str, edit: Edit, said: str
) -> None:
    """Whatever was edited, with hashes that fit."""
    edited(audited, name, edit)
    done = portproof("verify", audited)
    assert done.code == 1, done.out
    assert said in done.out


def test_a_warning_that_was_taken_out_is_missed(tmp_path: Path) -> None:
    """Such as that of a host that no rule is for."""
    write(tmp_path / "out", job_of([{**POLICY, "hosts": "web-1"}]), looks_of())
    assert portproof("verify", tmp_path / "out").code == 0
    edited(tmp_path / "out", "audit.json", lambda document: document.update(warnings=[]))
    done = portproof("verify", tmp_path / "out")
    assert done.code == 1
    assert "lacks the warning: no rule is for " in done.out


def test_an_interrupted_audit_holds(tmp_path: Path) -> None:
    """Its other hosts are unproven, and need no evidence."""
    looks = looks_of({"web-1": case(socket(443, "nginx"))})
    write(tmp_path / "out", job_of(), looks)
    assert portproof("verify", tmp_path / "out").code == 0


def test_an_audit_of_a_part_of_an_inventory_holds(tmp_path: Path) -> None:
    """Patterns mean what they meant: web[0] is the first of all web hosts, audited or not."""
    policy = {**POLICY, "hosts": "web[0]:win-1"}
    whole = job_of([policy])
    some = replace(whole.inventory, hosts=whole.inventory.hosts[1:4])
    names = [host.name for host in some.hosts]
    looks = {name: look for name, look in looks_of().items() if name in names}
    result = write(tmp_path / "out", replace(whole, inventory=some), looks)
    assert [host.judgements[0].verdict for host in result.hosts] == ["not-applicable"] * 2 + [
        "pass"
    ]
    assert portproof("verify", tmp_path / "out").code == 0


def test_an_audit_that_required_witnesses_is_judged_so(tmp_path: Path) -> None:
    """What stayed unproven for want of a witness does not become a pass."""
    job = job_of(
        checks=[job_of().checks[0], job_of().checks[1].model_copy(update={"witness": None})]
    )
    result = write(tmp_path / "out", replace(job, require_witness=True), looks_of())
    assert result.hosts[0].judgements[2].reason == "no-witness"
    assert portproof("verify", tmp_path / "out").code == 0


def test_a_half_written_folder_cannot_be_checked(audited: Path) -> None:
    """Exit code 3, and how to go on."""
    (audited / "manifest.json").unlink()
    done = portproof("verify", audited)
    assert done.code == 3
    assert "UNCHECKED it is half written: it has no manifest.json" in done.out


def test_a_folder_of_the_first_version_cannot_be_judged_again() -> None:
    """It did not record all that its verdicts rest on; its hashes hold."""
    done = portproof("verify", FIRST)
    assert done.code == 3
    assert "did not record everything that verdicts depend on" in done.out
    assert "no differences in what could be checked" in done.out


def test_another_version_is_named(audited: Path) -> None:
    """Its verdicts are compared, its words are not."""
    edited(audited, "audit.json", lambda document: document["run"].update(version="0.0.1"))
    manifest = audited / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    other = text.replace(f'"version": "{__version__}"', '"version": "0.0.1"')
    manifest.write_text(other, encoding="utf-8")
    done = portproof("verify", audited)
    assert "note: made by portproof 0.0.1; this is" in done.out
    assert done.code == 0


@pytest.mark.parametrize("name", ["none", "."])
def test_what_is_no_folder_of_an_audit_is_an_error(tmp_path: Path, name: str) -> None:
    """Exit code 2."""
    done = portproof("verify", tmp_path / name)
    assert (done.code, done.out) == (2, "")
    assert tmp_path.name in done.err


def test_days_that_pass_change_nothing(tmp_path: Path) -> None:
    """Waivers are judged by the day of the audit, for ever."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    waivers = [{**POLICY["waivers"][0], "until": yesterday}]
    write(tmp_path / "out", job_of([{**POLICY, "waivers": waivers}]), looks_of())
    assert portproof("verify", tmp_path / "out").code == 0
    days = {"today": yesterday}
    edited(tmp_path / "out", "audit.json", lambda document: document["basis"].update(days))
    assert "is fail, but its evidence gives waived" in portproof("verify", tmp_path / "out").out
