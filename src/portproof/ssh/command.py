"""Build the one line that is run on a host: it finds a program to look with, and waits for input.

The login shell passes it on (``sshd(8)``: ``SHELL -c LINE``), and that may be any shell: so it has
no line break and no backslash, nothing that csh expands within quotes, and quotes do not nest.
Nothing secret is in it, because everybody on the host can read a command line.

What it says is one line, ``READY KIND SYSTEM SSH_CONNECTION``. ``KIND`` is ``python`` when a Python
waits for a program (its length in bytes, a line feed, the program as zlib compresses it, and what
that reads), ``osqueryi`` when a shell waits for a seal and a question (a line each, then the seal
again), and ``none``. ``SYSTEM`` is the kernel's own name, in any case.
"""

import re
import secrets
from dataclasses import dataclass, field
from typing import Final

from portproof.model.connection import Become, Connection
from portproof.sources.agent import BOOT

FLAGS: Final = ("--flagfile=/dev/null", "--config_path=/dev/null", "--disable_events", "--json")
"""osqueryi's flags: a flag file or a configuration on the host could disable tables."""

PROGRAMS: Final = (
    "osqueryi",
    "osqueryd",
    "/usr/local/bin/osqueryi",
    "/usr/bin/osqueryi",
    "/opt/osquery/bin/osqueryd",
    "/opt/osquery/lib/osquery.app/Contents/MacOS/osqueryd",
)
"""Where osqueryi is: on PATH, then where osquery installs it; osqueryd is the same program."""

_PYTHONS: Final = (
    "python3",
    "/usr/libexec/platform-python",
    *(f"python3.{minor}" for minor in range(14, 5, -1)),
)

_BOOT: Final = (
    "import sys,zlib;sys.version_info<(3,6)and sys.exit(1);a=sys.argv;"
    f"print(*a[1:3],sys.platform,*a[4:],flush=True);{BOOT}"
)
"""What a Python does first. Isolated, it takes nothing from the user's folders or environment."""

_WITH_PYTHON: Final = (
    "for c in $i {pythons}; do command -v $c >/dev/null 2>&1 &&"
    ' $c -ISBWignore -c "{boot}" "$r" python "$s" "$@" && exit 0; done; '
)

_WITH_OSQUERYI: Final = (
    "u=$(uname -s); for o in {programs} none; do command -v $o >/dev/null 2>&1 && break; done; "
    '[ $o = none ] && echo "$r none $u $*" && exit 0; '
    'f=; case $o in *osqueryd*) f=-S;; esac; echo "$r osqueryi $u $*"; '
    "nl=$(echo; echo x); nl=${{nl%x}}; exec 3<&0; read -r n; q=; "
    'while IFS= read -r l; do [ "$l" = "$n" ] && break; q="$q$l$nl"; done; '
    'echo; echo "$n begin"; HOME=/nonexistent $o $f {flags} "$q" </dev/null 3<&- & k=$! ; '
    "{{ read -r l; kill -9 $k; }} <&3 2>/dev/null & w=$! ; "
    'wait $k; e=$?; kill $w 2>/dev/null; echo "$n end $e"'
)
"""Its input ends when the connection is gone; then osqueryi is killed."""

_LOOK: Final = (
    "[ -t 0 ] && stty raw -echo; r=$1; i=$2; s=$3; shift 3; "
    + _WITH_PYTHON.format(pythons=" ".join(_PYTHONS), boot=_BOOT)
    + _WITH_OSQUERYI.format(programs=" ".join(PROGRAMS), flags=" ".join(FLAGS))
)
"""What the user that looks runs.

``$1`` is the ready mark, ``$2`` a Python that is preferred, and ``$3`` the pid of the first process
of the session, by which the agent knows which processes above it are portproof's.
"""

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+@-")


class UnsupportedError(ValueError):
    """The connection needs something unsupported; the message says what."""


@dataclass(frozen=True, slots=True)
class Delimiters:
    """Words of one look that nothing on the host can have known before.

    ``seal`` is sent after the line is run, so not even the login's own shell files know it.
    """

    ready: str = field(default_factory=lambda: f"portproof-{secrets.token_hex(8)}-ready")
    prompt: str = field(default_factory=lambda: f"portproof-{secrets.token_hex(8)}-password:")
    seal: str = field(default_factory=lambda: f"portproof-{secrets.token_hex(16)}")


@dataclass(frozen=True, slots=True)
class RemoteCommand:
    """A line to run on a host, and its random markers. Every line is used once."""

    line: str
    delimiters: Delimiters
    terminal: bool

    @classmethod
    def to(cls, connection: Connection) -> "RemoteCommand":
        """Make a call.

        Raises:
            UnsupportedError: a user or an interpreter has a name that no shell is trusted with.
        """
        delimiters = Delimiters()
        return cls(
            command_line(connection, delimiters), delimiters, needs_terminal(connection.become)
        )


def command_line(connection: Connection, delimiters: Delimiters) -> str:
    """Return the line to run on the host.

    Raises:
        UnsupportedError: a user or an interpreter has a name that no shell could be trusted with.
    """
    preferred = _plain(connection.interpreter or "", "the Python interpreter")
    look = '/bin/sh -c "$1" sh "$2" "$3" $$ $SSH_CONNECTION'
    become = connection.become
    first = look if become is None else f"{_become(become, delimiters)} {look}"
    words = [f"exec {first}", "sh", _LOOK, delimiters.ready, preferred]
    return "exec /bin/sh -c " + " ".join(map(_quoted, words))


def shown_line() -> str:
    """Return the line for a host without its own interpreter setting and without become."""
    shown = Connection(kind="ssh", address="")
    return command_line(shown, Delimiters(ready="READY-MARK", prompt="", seal=""))


def needs_terminal(become: Become | None) -> bool:
    """Return whether a terminal is needed: doas reads a password from nothing else."""
    return become is not None and become.method == "doas" and become.password is not None


def _become(become: Become, delimiters: Delimiters) -> str:
    user = _plain(become.user, "the user to become")
    if become.method == "doas":
        return f"doas {'' if become.password else '-n '}-u {user}"
    asking = f"-S -p {delimiters.prompt}" if become.password else "-n"
    return f"sudo {asking} -H -u {user}"


def _plain(text: str, what: str) -> str:
    if not _PLAIN.issuperset(text) or text.startswith("-"):
        raise UnsupportedError(f"{what} {text!r} has characters that are not passed to a shell")
    return text


def _quoted(word: str) -> str:
    """Quote a word; csh leaves an exclamation mark alone when a blank or ``=`` follows."""
    if re.search(r"['\\\n]|!(?![ =])", word):
        raise AssertionError(f"no shell takes {word!r} unchanged")
    return f"'{word}'"
