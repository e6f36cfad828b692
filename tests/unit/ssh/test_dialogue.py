"""The conversation with a host: passwords, readiness, answers and everything that is none."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portproof.model.connection import Become, Secret
from portproof.model.observation import Reason, Unobserved
from portproof.ssh.command import Delimiters
from portproof.ssh.dialogue import AgentReply, Dialogue, Peer, Printed, Program, Ready
from support.for_each import for_each

MARKS = Delimiters(ready="READY", prompt="PROMPT:", seal="SEAL")
LIMIT = 3_000_000
PASSWORD = "hunter2"  # noqa: S105 - of nobody
SUDO = Become(method="sudo", user="root", password=Secret(PASSWORD))
DOAS = Become(method="doas", user="root", password=Secret(PASSWORD))
ASKED = b"\rdoas (bob@web) password: "


def send_program(ready: Ready) -> bytes:
    """A program for whatever is ready."""
    return f"program for {ready.kind}".encode()


def talking(become: Become | None = None, program: Program = send_program) -> Dialogue:
    """A dialogue with bob on web."""
    return Dialogue(Peer("web", "bob", become), MARKS, program, LIMIT)


def cause(outcome: object) -> Unobserved:
    """Insist on a reason."""
    assert isinstance(outcome, Unobserved)
    return outcome


def test_a_ready_host_gets_its_program_and_answers() -> None:
    """The plain case, with banners around it."""
    host = talking()
    assert host.hear(b"Welcome!\n") == b""
    assert host.hear(b"READY python Linux 10.0.0.1 5000 10.0.0.2 22\n") == b"program for python"
    assert host.ready == Ready("python", "linux", ("10.0.0.1", "5000", "10.0.0.2", "22"))
    assert host.overhear(b"warning\n") == b""
    host.hear(b"\nSEAL 2\n{}")
    assert host.outcome is None
    host.hear(b"\nSEAL end\n")
    assert host.outcome == AgentReply(b"{}")


def test_the_ready_line_may_come_in_pieces_and_after_a_banner_without_a_line_end() -> None:
    """Only the whole line counts."""
    host = talking()
    assert host.hear(b"motd> REA") == b""
    assert host.hear(b"DY python Lin") == b""
    assert host.hear(b"ux\n") == b"program for python"
    assert host.ready == Ready("python", "linux", ())


def test_a_shell_is_believed_only_when_it_has_ended() -> None:
    """Complaints may come after the output that they are about."""
    host = talking()
    assert host.hear(b"READY osqueryi Linux\n") == b"program for osqueryi"
    host.hear(b"\nSEAL begin\n[\n\n]\nSEAL end 0\n")
    assert host.outcome is None
    host.overhear(b"Error: no such table: x\n")
    assert host.end(0, "") == Printed(b"[\n\n]\n", b"Error: no such table: x\n", 0)


@pytest.mark.parametrize(
    ("become", "ask"),
    [(SUDO, lambda host: host.overhear(b"PROMPT:")), (DOAS, lambda host: host.hear(ASKED))],
    ids=["sudo", "doas"],
)
class TestPasswords:
    """A password goes out when it is asked for, once, and never shows."""

    def test_it_is_sent_when_asked_for(self, become: Become, ask: object) -> None:
        """And then the program, once the host is ready."""
        host = talking(become)
        assert callable(ask)
        assert ask(host) == b"hunter2\n"
        assert host.hear(b"READY python Linux\n") == b"program for python"

    def test_it_is_not_sent_when_nobody_asks(self, become: Become, ask: object) -> None:
        """A password that is not needed must not become the program's input."""
        host = talking(become)
        assert callable(ask)
        assert host.hear(b"READY python Linux\n") == b"program for python"
        assert ask(host) == b""

    def test_a_second_prompt_ends_it(self, become: Become, ask: object) -> None:
        """The password is wrong; a program must not be taken for further attempts."""
        host = talking(become)
        assert callable(ask)
        ask(host)
        assert ask(host) == b""
        told = cause(host.outcome)
        assert told.reason is Reason.AUTH
        assert told.detail == f"{become.method} refused the password of bob on web"

    def test_it_never_shows(self, become: Become, ask: object) -> None:
        """Not even when a host repeats it."""
        host = talking(become)
        assert callable(ask)
        ask(host)
        host.overhear(b"hunter2: command not found\n")
        host.hear(b"hunter2\n")
        told = cause(host.end(1, ""))
        assert told.reason is Reason.AUTH
        assert "hunter2" not in told.detail
        assert "PROMPT" not in told.detail

    def test_it_is_never_logged(
        self, become: Become, ask: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Not even when a host says that it is ready with it."""
        host = talking(become)
        assert callable(ask)
        with caplog.at_level(logging.DEBUG, logger="portproof"):
            ask(host)
            host.hear(b"READY python Linux hunter2 \x1b[2J\n")
        assert f"web: {become.method} asks for the password, which is sent" in caplog.messages
        assert r"web: is ready: python Linux *** \x1b[2J" in caplog.messages
        assert "hunter2" not in caplog.text


def test_prompts_of_others_get_no_password() -> None:
    """Without becoming, or without a password, nothing is given away."""
    for become in (None, Become(method="sudo", user="root")):
        host = talking(become)
        assert host.overhear(b"PROMPT:") == b""
        assert host.hear(ASKED) == b""


def test_a_host_that_cannot_be_asked_ends_it() -> None:
    """The program's reason is the outcome."""
    nothing = Unobserved(Reason.NO_COLLECTOR, "web has no python3")
    host = talking(program=lambda _ready: nothing)
    assert host.hear(b"READY none Linux\n") == b""
    assert host.outcome == nothing


def split(words: bytes, cuts: set[int]) -> Iterator[bytes]:
    """The words in pieces that end at the cuts, as packets may."""
    ends = [*sorted(cut for cut in cuts if cut < len(words)), len(words)]
    return (words[begin:end] for begin, end in zip([0, *ends], ends, strict=False))


def up_to_readiness(words: bytes) -> bytes:
    """What a host says until it is ready; then it waits for the program."""
    place = words.find(b"READY ")
    return words[: words.find(b"\n", place) + 1 or None] if place >= 0 else words


LONGEST = b"\rdoas (" + b"x" * 300 + b") password: "
NOISE = st.sampled_from(
    [
        b"READY",
        b"READY ",
        b"REA",
        b"PROMPT:",
        b"PRO",
        ASKED,
        LONGEST,
        b"\rdoas (",
        b"\r",
        b" ",
        b"\n",
    ]
)
CUTS = st.sets(st.integers(1, 900)) | st.just(set(range(2500)))


@pytest.mark.parametrize("become", [None, SUDO, DOAS], ids=["none", "sudo", "doas"])
@example([ASKED, b"PROMPT:"], {1}, set())
@example([b"READY ", b"PROMPT:", ASKED], set(), {1})
@example([b"PROMPT:", b"PROMPT:", ASKED, ASKED], set(), set())
@given(st.lists(NOISE, max_size=6), CUTS, CUTS)
def test_packets_may_end_anywhere(
    become: Become | None, noise: list[bytes], cuts: set[int], later: set[int]
) -> None:
    """However a host's words are split, what came of them and what it is sent are the same."""
    words = up_to_readiness(b"".join(noise) + b"READY python Linux\n")
    whole, pieces = talking(become), talking(become)
    sent = whole.hear(words)
    answered = b"".join(map(pieces.hear, split(words, cuts)))
    assert (pieces.outcome, pieces.ready) == (whole.outcome, whole.ready)
    if whole.outcome is None:
        assert answered == sent
    for host, ends in ((whole, set()), (pieces, later)):
        for piece in split(b"noise\nSEAL 7\n{\nSEAL}\nSEAL end\n", ends):
            assert host.hear(piece) == b""
    assert pieces.end(0, "") == whole.end(0, "")


@pytest.mark.parametrize("become", [SUDO, DOAS], ids=["sudo", "doas"])
@given(st.lists(NOISE, max_size=6).map(b"".join), CUTS)
def test_complaints_may_end_anywhere(become: Become, words: bytes, cuts: set[int]) -> None:
    """The same for prompts among what is said on standard error."""
    whole, pieces = talking(become), talking(become)
    sent = whole.overhear(words)
    answered = b"".join(map(pieces.overhear, split(words, cuts)))
    assert pieces.outcome == whole.outcome
    if whole.outcome is None:
        assert answered == sent
    assert pieces.end(1, "") == whole.end(1, "")


@pytest.mark.parametrize(
    ("become", "ask"), [(SUDO, b"PROMPT:"), (DOAS, ASKED)], ids=["sudo", "doas"]
)
class TestPromptsAroundReadiness:
    """In one packet with the line of a host that is ready."""

    def test_a_prompt_before_it_is_answered_first(self, become: Become, ask: bytes) -> None:
        """And the program follows."""
        host = talking(become)
        assert host.hear(ask + b"READY python Linux\n") == b"hunter2\nprogram for python"

    def test_a_prompt_behind_it_gets_no_password(self, become: Become, ask: bytes) -> None:
        """It would become the program's input."""
        host = talking(become)
        assert host.hear(b"READY python Linux\n" + ask) == b"program for python"

    def test_a_refused_password_starts_nothing(self, become: Become, ask: bytes) -> None:
        """Whatever says that it is ready after that is not what was asked for."""
        host = talking(become)
        assert host.hear(ask + ask + b"READY python Linux\n") == b""
        assert cause(host.outcome).reason is Reason.AUTH
        assert host.ready is None


@for_each(
    ("said", "code", "reason"),
    [
        (b"This account is currently not available.\n", 1, Reason.GARBLED),
        (b"", 0, Reason.GARBLED),
        (b"\x1b[2J\xff\x00", 0, Reason.GARBLED),
        (b"", 127, Reason.NO_COLLECTOR),
        (b"READY", 0, Reason.GARBLED),
        (b"READY python Linux\n", 0, Reason.PARTIAL),
        (b"READY python Linux\n\nSEAL 100\n{", 0, Reason.PARTIAL),
        (b"READY osqueryi Linux\n\nSEAL begin\n[\n\n]\n", 0, Reason.PARTIAL),
        (b"\nSEAL 2\n{}\nSEAL end\n", 0, Reason.GARBLED),
    ],
)
def test_whatever_is_no_whole_answer_is_a_reason(said: bytes, code: int, reason: Reason) -> None:
    """An answer before the host was ready is a forged one."""
    host = talking()
    host.hear(said)
    told = cause(host.end(code, ""))
    assert told.reason is reason
    assert told.detail.isprintable()


def test_a_broken_connection_is_told_with_its_cause() -> None:
    """And how far it got."""
    early, late = talking(), talking()
    late.hear(b"READY python Linux\n")
    told = cause(early.end(None, "Connection lost"))
    assert told.detail == "the connection to web broke before it was ready: Connection lost"
    assert told.reason is cause(late.end(None, "reset")).reason is Reason.PARTIAL


def test_a_wrong_end_of_a_frame_is_garbled() -> None:
    """A frame that cannot become whole ends it at once."""
    host = talking()
    host.hear(b"READY python Linux\n\nSEAL 1\n{}\nSEAL end\n")
    host.hear(b"\nSEAL 1\n{}\nSEAL end\n")
    assert cause(host.outcome).reason is Reason.GARBLED


@for_each("is_ready", [False, True])
def test_a_flood_ends_it(*, is_ready: bool) -> None:
    """Before the host is ready much less is accepted than afterwards."""
    host = talking()
    if is_ready:
        host.hear(b"READY python Linux\n")
    heard = 0
    while host.outcome is None:
        host.hear(b"x" * 50_000)
        heard += 50_000
    assert cause(host.outcome).reason is Reason.OVERSIZED
    assert heard <= (LIMIT if is_ready else 1024 * 1024) + 50_000


def test_complaints_without_end_end_it() -> None:
    """Standard error counts as well."""
    host = talking()
    while host.outcome is None:
        host.overhear(b"x" * 50_000)
    assert cause(host.outcome).reason is Reason.OVERSIZED


def test_what_is_waited_for_is_told() -> None:
    """A time that is over names what did not come."""
    host = talking(SUDO)
    assert host.late(5).detail == "sudo did not finish on web within 5 seconds"
    host.hear(b"READY python Linux\n")
    assert host.late(5).detail == "the answer of web was not whole within 5 seconds"
    assert talking().late(5).detail == "the shell of web ran nothing within 5 seconds"
