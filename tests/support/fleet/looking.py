"""What tests of the fleet have in common: connections to its hosts, looks at many, and verdicts."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from portproof.content.load import load
from portproof.content.shipped import shipped
from portproof.judge.host import judge
from portproof.judge.plan import plans
from portproof.model.connection import Become, Connection, Secret
from portproof.model.hosts import Host, Inventory
from portproof.model.observation import (
    LISTENING_SOCKETS,
    FailedLook,
    HostLook,
    Look,
    Platform,
    Reason,
)
from portproof.model.verdicts import Judgement
from portproof.policy.checks import Check
from portproof.policy.policy import Policy, bind
from portproof.ssh.collector import SshCollector
from portproof.ssh.settings import SshSettings
from support.fleet.fleet import Fleet
from support.fleet.plans import PASSWORD

QUICK = SshSettings(connect_timeout=5, login_timeout=10, command_timeout=20)
"""Limits for hosts that are all right, on a busy machine."""


@cache
def listening_check() -> Check:
    """The shipped check whose answer port rules are judged on."""
    return load([], [shipped("checks")]).check_by_id()[LISTENING_SOCKETS]


def questions() -> dict[Platform, dict[str, str]]:
    """The shipped question for listening sockets, for every platform."""
    check = listening_check()
    sql = {platform: check.sql_on(platform) for platform in Platform}
    return {platform: {LISTENING_SOCKETS: text} for platform, text in sql.items() if text}


def known_hosts(made: Fleet) -> Path:
    """Return the file with the keys of a fleet's hosts, written when it is first asked for."""
    known = made.folder / "known_hosts"
    if not known.exists():
        known.write_text(made.known_hosts(), encoding="ascii")
    return known


def connection(made: Fleet, host: str, **changes: Any) -> Connection:  # noqa: ANN401 - fields and options
    """A connection as root with the fleet's keys and files only.

    ``changes`` are other fields of ``Connection``, or options for ``ssh`` as in ``options``.
    """
    given: dict[str, Any] = {
        "port": made[host].plan.port,
        "user": "root",
        "identity_files": (str(made.key()),),
        "identities_only": True,
        "known_hosts": (str(known_hosts(made)),),
        "config_file": "none",
    }
    fields = {
        name: value for name, value in changes.items() if name in Connection.__struct_fields__
    }
    given |= {name: value for name, value in changes.items() if name not in fields}
    return Connection(
        kind="ssh",
        address=fields.pop("address", made[host].address),
        arguments=options(**given),
        **fields,
    )


def options(  # noqa: PLR0913 - one argument for each option
    *,
    port: int | None = None,
    user: str | None = None,
    identity_files: Sequence[str] = (),
    identities_only: bool | None = None,
    known_hosts: Sequence[str] = (),
    config_file: str | None = None,
    proxy_jump: str | None = None,
    proxy_command: str | None = None,
) -> tuple[str, ...]:
    """Return arguments for ``ssh``."""
    only = {None: "", True: "IdentitiesOnly=yes", False: "IdentitiesOnly=no"}[identities_only]
    files = " ".join(f'"{file}"' for file in known_hosts)
    given = [
        ("-F", config_file),
        ("-p", port),
        ("-l", user),
        *(("-o", f'IdentityFile="{file}"') for file in identity_files),
        ("-o", only),
        ("-o", files and f"UserKnownHostsFile={files}"),
        ("-J", proxy_jump),
        ("-o", proxy_command and f"ProxyCommand={proxy_command}"),
    ]
    return tuple(str(word) for flag, value in given if value for word in (flag, value))


def sudo(password: str | None = None, method: Any = "sudo") -> Become:  # noqa: ANN401 - a literal
    """Becoming root."""
    return Become(method=method, user="root", password=Secret(password) if password else None)


RIGHT = PASSWORD


def look(connected: Connection, settings: SshSettings = QUICK) -> Look:
    """One look at one host."""
    return look_all({"host": connected}, settings)["host"]


def look_all(
    connections: Mapping[str, Connection],
    settings: SshSettings = QUICK,
    at_once: int = 20,
    asking: Mapping[Platform, Mapping[str, str]] | None = None,
) -> dict[str, Look]:
    """Looks at many hosts, some at once."""

    async def run() -> dict[str, Look]:
        room = asyncio.Semaphore(at_once)
        async with SshCollector(asking or questions(), settings) as collector:

            async def one(name: str) -> tuple[str, Look]:
                async with room:
                    return name, await collector.look(name, connections[name])

            return dict(await asyncio.gather(*map(one, connections)))

    return asyncio.run(run())


def seen(looked: Look) -> HostLook:
    """Insist that a host was looked at."""
    assert isinstance(looked, HostLook), looked
    return looked


def dark(looked: Look) -> FailedLook:
    """Insist that a host was not looked at."""
    assert isinstance(looked, FailedLook), looked
    return looked


def why(looked: Look) -> Reason:
    """The reason a host is dark."""
    return dark(looked).cause.reason


def config(folder: Path, text: str) -> str:
    """A configuration of OpenSSH's, in a file."""
    file = folder / "config"
    file.write_text(text, encoding="utf-8")
    return str(file)


def verdicts(policy: dict[str, Any], looks: Mapping[str, Look]) -> dict[str, dict[str, Judgement]]:
    """What every rule of a policy says about every host."""
    hosts = {name: Host(name) for name in looks}
    rules = tuple(bind([Policy.model_validate(policy)]))
    plan_of = plans(rules, Inventory(tuple(hosts.values()), "the fleet"))
    check = listening_check()
    judged = {name: judge(plan_of[name], hosts[name], looks[name], [check]) for name in looks}
    names = [bound.rule.id for bound in rules]
    return {name: dict(zip(names, each.judgements, strict=True)) for name, each in judged.items()}


def eventually(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether something comes to hold; a host notices the end of a connection when it gets to."""

    async def wait() -> bool:
        for _ in range(int(seconds / 0.05)):
            if holds():
                return True
            await asyncio.sleep(0.05)
        return holds()

    return asyncio.run(wait())


def leftovers(made: Fleet, host: str) -> list[str]:
    """What runs on a host besides its server and its listeners."""
    own = ("sshd: /usr/sbin/sshd -D", "/usr/sbin/sshd -D", "sleep 86400")
    running = made[host].processes()
    return [line for line in running if not line.startswith(own) and "fleet.boot" not in line]


def ends(made: Fleet, host: str, *besides: str) -> bool:
    """Whether all that runs on a host comes to an end, but for command lines that begin so."""
    return eventually(
        lambda: all(line.startswith(besides or ("\0",)) for line in leftovers(made, host))
    )
