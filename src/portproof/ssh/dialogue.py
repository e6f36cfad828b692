"""The conversation with what runs on a host: bytes in, bytes out. It knows neither SSH nor time.

First a password may be asked for, and is given once; then one line says what there is to look with;
then that gets its program, and answers in one frame.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from portproof.model.connection import Become
from portproof.model.observation import Reason, Unobserved
from portproof.sources.answers import quoted
from portproof.ssh.command import Delimiters
from portproof.ssh.framing import FramedReply, FramingError, delimited
from portproof.text.logs import logger

_LOG: Final = logger(__name__)

_DOAS_PROMPT: Final = rb"\rdoas \([^\r\n]{1,300}\) password: "
"""What doas asks; unlike sudo's, its prompt cannot be chosen (``doas.c`` and ``pam.c``)."""

_LONGEST_PROMPT: Final = 320
"""Bytes; no prompt is longer, neither what doas asks nor the words chosen for sudo."""

_MOST_NOISE: Final = 128 * 1024
"""Bytes that shells and banners may print before the host is ready."""

_LONGEST_READY: Final = 512
_NOT_RUN: Final = (126, 127)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is talked to, in words for details, and how another user is become there."""

    host: str
    user: str
    become: Become | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """What a host says before it is asked: what there is, its system, and SSH_CONNECTION.

    ``system`` is in lower case.
    """

    kind: str
    system: str
    connection: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgentReply:
    """A whole answer of the agent."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Printed:
    """A whole answer of a host's shell: what osqueryi printed, and how it ended."""

    output: bytes
    complaints: bytes
    code: int


Outcome = AgentReply | Printed | Unobserved
Program = Callable[[Ready], bytes | Unobserved]
"""What to send to a host that is ready, or why nothing can be asked of it."""


@dataclass(slots=True)
class _Prompts:
    """Counts the prompts in a text that only grows, and never searches the same of it again."""

    pattern: bytes
    count: int = 0
    searched: int = 0

    def before(self, end: int, text: bytearray) -> int:
        """Return how many there are before ``end``, which never goes back."""
        for match in re.compile(self.pattern).finditer(text, self.searched, end):
            self.count += 1
            self.searched = match.end()
        # The beginning of a prompt whose rest is still to come is searched once more.
        self.searched = max(self.searched, end - _LONGEST_PROMPT)
        return self.count


class Dialogue:
    """One conversation. What ``hear`` and ``overhear`` return is to be sent.

    ``outcome`` is set as soon as the conversation is over, and ``ready`` once the host was.

    Args:
        party: Who is talked to.
        marks: The words of this conversation.
        program: What to send.
        limit: Bytes that are accepted.
    """

    def __init__(self, peer: Peer, delimiters: Delimiters, program: Program, limit: int) -> None:
        self.outcome: Outcome | None = None
        self.ready: Ready | None = None
        self._party = peer
        self._marks = delimiters
        self._program = program
        self._limit = limit
        self._heard = 0
        self._out = bytearray()
        self._err = bytearray()
        asks_doas = peer.become is not None and peer.become.method == "doas"
        prompt = _DOAS_PROMPT if asks_doas else re.escape(delimiters.prompt.encode("ascii"))
        self._prompts_out = _Prompts(prompt)
        self._prompts_err = _Prompts(prompt)
        self._is_answered = False
        self._searched = 0
        self._framed = FramedReply(delimiters.seal, limit)

    def hear(self, data: bytes) -> bytes:
        """Take in standard output."""
        self._out += data
        if self._is_over(data):
            return b""
        if self.ready is None:
            return self._waiting()
        if self.ready.kind == "python":
            self._look_for_document()
        return b""

    def overhear(self, data: bytes) -> bytes:
        """Take in standard error."""
        self._err += data
        if self._is_over(data) or self.ready is not None:
            return b""
        return self._prompted(self._prompts_err, self._err, len(self._err))

    def end(self, code: int | None, cause: str) -> Outcome:
        """Say what came of it when nothing more comes.

        Args:
            code: The exit code of what ran, or None if none was told.
            cause: Why the connection broke, or "" if the host ended it.
        """
        if self.outcome is None:
            self.outcome = self._printed() or self._unfinished(code, cause)
        return self.outcome

    def late(self, seconds: float) -> Unobserved:
        """Say what was waited for when the time is over."""
        return Unobserved(Reason.TIMEOUT, f"{self._stage()} within {seconds:g} seconds")

    def _stage(self) -> str:
        host, become = self._party.host, self._party.become
        if self.ready is None and become is not None:
            return f"{become.method} did not finish on {host}"
        if self.ready is None:
            return f"the shell of {host} ran nothing"
        return f"the answer of {host} was not whole"

    def _is_over(self, data: bytes) -> bool:
        self._heard += len(data)
        limit = self._limit if self.ready is not None else min(self._limit, _MOST_NOISE)
        if self._heard > limit:
            text = f"{self._party.host} sent more than {limit} bytes"
            self.outcome = Unobserved(Reason.OVERSIZED, text)
        return self.outcome is not None

    def _waiting(self) -> bytes:
        """Answer prompts until the host is ready; those after that would not be for a password."""
        line = self._ready_line()
        end = len(self._out) if line is None else line.stop
        password = self._prompted(self._prompts_out, self._out, end)
        if line is None or self.outcome is not None:
            return password
        return password + self._get_ready(bytes(self._out[line]))

    def _prompted(self, prompts: _Prompts, text: bytearray, end: int) -> bytes:
        """Return the password, when it is asked for; the second time, it was wrong."""
        become = self._party.become
        if become is None or become.password is None:
            return b""
        count = prompts.before(end, text)
        if count > 1:
            detail = f"{become.method} refused the password of {self._party.user} on"
            self.outcome = Unobserved(Reason.AUTH, f"{detail} {self._party.host}")
        if count != 1 or self._is_answered:
            return b""
        self._is_answered = True
        _LOG.debug("%s: %s asks for the password, which is sent", self._party.host, become.method)
        return become.password.reveal().encode() + b"\n"

    def _ready_line(self) -> slice | None:
        """Return where the first mark's line stands, without the mark, once all of it has come."""
        mark = self._marks.ready.encode("ascii") + b" "
        place = self._out.find(mark, self._searched)
        if place < 0:
            self._searched = max(0, len(self._out) - len(mark))
            return None
        self._searched = place
        begin = place + len(mark)
        end = self._out.find(b"\n", begin, begin + _LONGEST_READY)
        return None if end < 0 else slice(begin, end)

    def _get_ready(self, line: bytes) -> bytes:
        kind, system, *connection = [*line.decode("ascii", "replace").split(), "", ""]
        self.ready = Ready(kind, system.lower(), tuple(connection[:-2]))
        if _LOG.isEnabledFor(logging.DEBUG):  # a host may repeat the password
            _LOG.debug("%s: is ready: %s", self._party.host, quoted(self._masked(line)))
        self._heard = 0
        self._out.clear()
        self._err.clear()
        program = self._program(self.ready)
        if isinstance(program, Unobserved):
            self.outcome = program
            return b""
        _LOG.debug("%s: a program of %d bytes is sent", self._party.host, len(program))
        return program

    def _look_for_document(self) -> None:
        try:
            document = self._framed.find(self._out)
        except FramingError as error:
            text = f"{self._party.host}: {error}"
            self.outcome = Unobserved(Reason.GARBLED, text)
        else:
            self.outcome = document if document is None else AgentReply(document)

    def _printed(self) -> Printed | None:
        """What a shell printed; only when it has ended are all of its complaints here as well."""
        if self.ready is None or self.ready.kind != "osqueryi":
            return None
        found = delimited(self._out, self._marks.seal)
        return None if found is None else Printed(found[0], bytes(self._err), found[1])

    def _unfinished(self, code: int | None, cause: str) -> Unobserved:
        host, said = self._party.host, self._said()
        if cause:
            when = "before it was ready" if self.ready is None else "before its answer was whole"
            text = f"the connection to {host} broke {when}: {quoted(cause)}"
            return Unobserved(Reason.PARTIAL, text)
        if self.ready is not None:
            text = f"the answer of {host} broke off{said}"
            return Unobserved(Reason.PARTIAL, text)
        if self._party.become is not None:
            become = self._party.become
            text = f"{become.method} did not let {self._party.user} become {become.user} on {host}"
            return Unobserved(Reason.AUTH, f"{text}{said}")
        reason = Reason.NO_COLLECTOR if code in _NOT_RUN else Reason.GARBLED
        return Unobserved(reason, f"the shell of {host} did not run what it was asked{said}")

    def _said(self) -> str:
        """The host's own words for a detail: the end of its complaints, without any secret."""
        text = self._masked(bytes(self._err or self._out)[-_LONGEST_READY:]).strip()
        return f": {quoted(text[-200:])}" if text else ""

    def _masked(self, raw: bytes) -> str:
        """Return what a host sent, without the password and what asks for it."""
        become = self._party.become
        text = re.sub(_DOAS_PROMPT, b"", raw).decode("utf-8", "replace")
        for secret in (become.password,) if become else ():
            text = text.replace(secret.reveal(), "***") if secret else text
        return text.replace(self._marks.prompt, "")
