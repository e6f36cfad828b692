"""What users and their programs give: policies, packs, inventories, keys, patterns, folders."""

import base64
import functools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import asyncssh
import msgspec

from portproof.archive.folder import EVIDENCE, MANIFEST, REQUEST, Evidence, Request
from portproof.archive.integrity import read_manifest
from portproof.archive.read import read_evidence, read_request
from portproof.content.lint import lint
from portproof.content.load import load
from portproof.errors import ContentError
from portproof.importers.fleet import read_fleet
from portproof.importers.pack import read_pack
from portproof.importers.relaxed_json import parse_json
from portproof.inventory.listing import read_listing
from portproof.inventory.plain import PlainList, look_at
from portproof.model.addresses import Scope, parse_address
from portproof.model.hosts import Host, Inventory
from portproof.model.patterns import HostPattern
from portproof.model.ports import PortSet
from portproof.ssh.keys import Keys
from portproof.ssh.known_hosts import KnownHosts
from support.cases import load_cases, look_of
from support.fuzz.judged import judge_look
from support.paths import ROOT

_HOSTS = Inventory(
    (Host("web1", ("web",)), Host("web2", ("web", "prod")), Host("db1", ("db",))), "the test"
)
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL0hgeAvVOPTGzJYSCqw0ujNqSV8p7LKdUkNOBaiqp3C"
_SMALL_CASES = 40


@functools.cache
def _folder() -> Path:
    """A folder for files that can only be read as files; it goes when the process ends."""
    made = tempfile.TemporaryDirectory(prefix="portproof-fuzz-")
    _KEPT.append(made)
    return Path(made.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def _file(name: str, data: bytes) -> Path:
    file = _folder() / name
    file.write_bytes(data)
    return file


def policy(data: bytes) -> bool:
    """A policy or a file of waivers, read and linted."""
    content = load([_file("policy.yml", data)], [])
    lint(content)
    return not content.problems


def policy_seeds() -> list[bytes]:
    """The shipped policies, and the wrong ones of the tests."""
    own = sorted((ROOT / "policies").glob("*.yml"))
    wrong = sorted((ROOT / "tests" / "wrong" / "policies").glob("*.yml"))
    return [file.read_bytes() for file in (*own, *wrong)] + [_WAIVED.encode()]


_WAIVED = """policy: p
title: t
rules: [{id: a, closed: [609/tcp, 8000-8100], at: [10.0.0.0/8], by: {user: "x*"}}]
waivers: [{rule: a, owner: o, reason: r, until: 2027-01-31}]
"""


def check(data: bytes) -> bool:
    """A check, read and linted."""
    content = load([], [_file("check.yml", data)])
    lint(content)
    return not content.problems


def check_seeds() -> list[bytes]:
    """The shipped checks, and the wrong ones of the tests."""
    folders = (ROOT / "checks", ROOT / "tests" / "wrong" / "checks")
    return [file.read_bytes() for folder in folders for file in sorted(folder.glob("*.yml"))]


def _imported(read: Callable[[Path], object], name: str, data: bytes) -> bool:
    try:
        read(_file(name, data))
    except ContentError:
        return False
    return True


def pack(data: bytes) -> bool:
    """An osquery pack, which is not strict JSON."""
    parse_json("pack.conf", data)
    return _imported(read_pack, "pack.conf", data)


def pack_seeds() -> list[bytes]:
    """A pack with comments, a broken line and every key."""
    query = '{"query": "SELECT * \\\n FROM users;", "interval": "60", "platform": "linux"}'
    text = f'# a comment\n// another\n{{"platform": "linux", "queries": {{"users": {query},}}}}\n'
    return [text.encode(), b'{"queries": {"a": {"query": "SELECT 1"}}}', b'{"packs": {"x": "y"}}']


def fleet(data: bytes) -> bool:
    """Policies of Fleet, classic and GitOps."""
    return _imported(read_fleet, "fleet.yml", data)


def fleet_seeds() -> list[bytes]:
    """Both forms."""
    spec = '{name: n, query: "SELECT 1", platform: "linux,darwin", resolution: r}'
    classic = f"apiVersion: v1\nkind: policy\nspec: {spec}\n---\nkind: label\nspec: {{}}\n"
    return [classic.encode(), f"policies:\n  - {spec}\n  - path: other.yml\n".encode()]


def listing(data: bytes) -> bool:
    """What ansible-inventory prints."""
    try:
        read_listing("inventory", data)
    except ContentError:
        return False
    return True


def listing_seeds() -> list[bytes]:
    """Groups, children and variables."""
    told = {
        "_meta": {"hostvars": {"web1": {"ansible_host": "10.0.0.1", "ansible_port": 22}}},
        "all": {"children": ["ungrouped", "web"]},
        "web": {"hosts": ["web1", "web2"]},
        "prod": {"children": ["web"]},
    }
    vault = {"_meta": {"hostvars": {"a": {"p": {"__ansible_vault": "$ANSIBLE_VAULT;1.1"}}}}}
    return [json.dumps(told).encode(), json.dumps({**vault, "all": {"hosts": ["a"]}}).encode()]


def names(data: bytes) -> bool:
    """A plain list of hosts in a file."""
    try:
        return isinstance(look_at(str(_file("hosts", data))), PlainList)
    except ContentError:
        return False


def names_seeds() -> list[bytes]:
    """Names, addresses, comments."""
    return [
        b"web1\nweb2.example.net # a comment\n10.0.0.1\n::1\n",
        b"[web]\nweb1 ansible_port=22\n",
    ]


def known_hosts(data: bytes) -> bool:
    """A known_hosts file, asked for names of every form; and an ssh_config."""
    file = _file("known_hosts", data)
    known = KnownHosts([file])
    found = [known.recorded(name) for name in ("web1", "[web1]:2222", "10.0.0.1")]
    return any(each.keys or each.authorities or each.revoked for each in found)


def known_hosts_seeds() -> list[bytes]:
    """Names, patterns, a hashed name, an authority and a key that is revoked."""
    hashed = "|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg="
    lines = [
        f"web1,[web1]:2222 {_KEY} comment",
        f"*.example.net,!bad.example.net,10.0.0.? {_KEY}",
        f"{hashed} {_KEY}",
        f"@cert-authority web* {_KEY}",
        f"@revoked * {_KEY}",
        "# a comment",
    ]
    return ["\n".join(lines).encode(), b"Host *\nHashKnownHosts yes\n"]


def key(data: bytes) -> bool:
    """A key as it is encoded, recorded for a host and as a user's own."""
    encoded = base64.b64encode(data).decode("ascii")
    kind = data[4:30].partition(b"\0")[0].decode("ascii", "replace").split() or ["ssh-rsa"]
    file = _file("key", f"web1 {kind[0]} {encoded}\n".encode())
    found = KnownHosts([file]).recorded("web1").keys
    Keys().load(str(_file("id", f"{kind[0]} {encoded}\n".encode())))
    return bool(found)


def key_seeds() -> list[bytes]:
    """A key of each common kind."""
    made = (
        asyncssh.generate_private_key("ssh-ed25519"),
        asyncssh.generate_private_key("ecdsa-sha2-nistp256"),
        asyncssh.generate_private_key("ssh-rsa", key_size=1024),
    )
    return [each.public_data for each in made]


def pattern(data: bytes) -> bool:
    """A host pattern, selected from a few hosts."""
    try:
        made = HostPattern(data.decode("utf-8", "replace"))
        made.select(_HOSTS.names(), _HOSTS.groups())
    except ValueError:
        return False
    return made.excludes_itself in {True, False}


def pattern_seeds() -> list[bytes]:
    """Patterns as Ansible documents them."""
    return [b"web:&prod:!canary", b"web[0:2],db*", b"~web[12]", b"all", b"web[-1]", b"db?:!::1"]


def ports(data: bytes) -> bool:
    """Ports, scopes and addresses, from text."""
    text = data.decode("utf-8", "replace")
    understood = False
    for read in (PortSet.parse, Scope.parse, parse_address, lambda each: PortSet.parse([each])):
        try:
            read(text)
        except ValueError:
            continue
        understood = True
    return understood


def ports_seeds() -> list[bytes]:
    """One of each."""
    return [
        b"609",
        b"8000-8100/udp",
        b"10.0.0.0/8",
        b"external",
        b"fe80::1%eth0",
        b"::ffff:1.2.3.4",
    ]


def evidence(data: bytes) -> bool:
    """A journal, read and judged line by line, whoever wrote it."""
    _file(EVIDENCE, data)
    read = 0
    try:
        for each in read_evidence(_folder()):
            judge_look(each.look)
            read += 1
    except ContentError:
        return False
    return read > 0


def evidence_seeds() -> list[bytes]:
    """The looks of some cases, as a journal has them."""
    cases = [case for _, case in load_cases()][:: max(1, 300 // _SMALL_CASES)]
    lines = [msgspec.json.encode(Evidence("host", ("web",), look_of(case))) for case in cases]
    return [line + b"\n" for line in lines]


def folder(data: bytes) -> bool:
    """A request and a manifest."""
    for name in (REQUEST, MANIFEST):
        _file(name, data)
    whole = 0
    for read in (read_request, read_manifest):
        try:
            read(_folder())
        except ContentError:
            continue
        whole += 1
    return whole > 0


def folder_seeds() -> list[bytes]:
    """A request, and a manifest that tells of it."""
    run = {
        **dict.fromkeys(("version", "started", "finished", "controller"), "x"),
        "inventory": {"name": "x", "sha256": "x"},
        "policies": [],
        "checks": [],
    }
    manifest = {
        "format": "portproof-manifest/1",
        "run": run,
        "files": {REQUEST: {"sha256": "x", "bytes": 1}},
    }
    return [msgspec.json.encode(Request(policies=("p",))), json.dumps(manifest).encode()]
