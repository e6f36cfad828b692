"""A second opinion on verdicts: the same facts about osquery's rows, told again in plain ifs.

It shares no code with portproof, knows only the few addresses of ``BOOK``, and is slow on purpose:
nothing is collapsed, cached or indexed. Where it and portproof differ, one of them is wrong.

A look is a dict: ``platform``, ``source``, ``euid``, ``host_namespace``, ``rows``, ``lost``,
``incomplete``, ``witnesses`` as (protocol, address, port, ours) and ``published``, the rows about
ports that docker publishes. A rule is a dict: ``kind``,
``ports`` as a set of (protocol, port), ``at``, ``by`` (a process name or None), ``namespaces`` and
``ephemeral_udp``. The opinion is (verdict, reason or None, number of findings).
"""

from typing import Any

from support.book import BOOK, IPV4_NETWORK, IPV6_NETWORK, Entry
from support.oracle_published import forwarded

Look = dict[str, Any]
Rule = dict[str, Any]
Opinion = tuple[str, str | None, int]


MAPPED = "::ffff:"
QUIET = (
    *("ESTABLISHED", "SYN_SENT", "SYN_RECV", "SYN_RCVD", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT"),
    *("CLOSED", "CLOSE_WAIT", "LAST_ACK", "CLOSING", "DELETE_TCB"),
)
TWIN_COLUMNS = ("socket", "protocol", "family", "address", "port")


class GarbledError(Exception):
    """A row makes no sense."""


class StatelessError(Exception):
    """A TCP row does not tell whether it listens."""


def opinion(look: Look, rule: Rule) -> Opinion:
    """Judge a look by one rule."""
    listeners, garbled, stateless = read(look)
    canaries = [each for each in look["witnesses"] if each[3]]
    judged = [each for each in listeners if not any(is_at(each, canary) for canary in canaries)]
    judged += forwarded(look["published"] if look["platform"] == "linux" else [], judged)
    doubts = {
        "tcp": doubt(look, listeners, "tcp", garbled=garbled, stateless=stateless),
        "udp": doubt(look, listeners, "udp", garbled=garbled, stateless=False),
    }
    doubts["elsewhere"] = elsewhere(look) if rule["namespaces"] == "all" else None
    if rule["kind"] == "open":
        return open_opinion(look, rule, judged, doubts)
    return shut_opinion(look, rule, judged, doubts)


def read(look: Look) -> tuple[list[dict[str, Any]], bool, bool]:
    """The listeners among the rows, whether any row is garbled, and whether any lacks a state."""
    listeners: list[dict[str, Any]] = []
    garbled = stateless = False
    for row in look["rows"]:
        try:
            listener = read_row(look, row)
        except GarbledError:
            garbled = True
        except StatelessError:
            stateless = True
        else:
            if listener is not None:
                listeners.append(listener)
    return merged(listeners), garbled, stateless


def read_row(look: Look, row: dict[str, str]) -> dict[str, Any] | None:
    """One row's listener, or None when it is of none."""
    family = row.get("family", "")
    if family in ("0", "1", "17"):
        if row.get("port", "") not in ("", "0"):
            raise GarbledError
        return None
    if family not in ("2", "10", "23", "30"):
        raise GarbledError
    if row.get("protocol") in ("1", "58", "255"):
        return None
    if row.get("protocol") not in ("6", "17", "136"):
        raise GarbledError
    protocol = "tcp" if row["protocol"] == "6" else "udp"
    port = port_number(row.get("port", ""))
    if port == 0 or not listens(protocol, row):
        return None
    namespace, place = where(look, row)
    address, stack, entry = bound(look, family, row)
    lite = row["protocol"] == "136"
    local = entry.kind == "wildcard" and row.get("device") == "1"
    return {
        "identity": (protocol, address, port, stack, namespace, lite, local),
        "lite": lite,
        "local": local,
        "protocol": protocol,
        "address": address,
        "port": port,
        "stack": stack,
        "entry": entry,
        "place": place,
        "holders": [(row.get("socket", ""), name_of(row))],
    }


def port_number(text: str) -> int:
    """A port as osquery writes it."""
    if not is_number(text) or int(text) > 65535:
        raise GarbledError
    return int(text)


def is_number(text: str) -> bool:
    """Whether it is a number as osquery writes it: at most 64 bits, and nothing around it."""
    try:
        return str(int(text)) == text and 0 <= int(text) < 10**19
    except ValueError:
        return False


def listens(protocol: str, row: dict[str, str]) -> bool:
    """Whether the socket accepts anything from anybody."""
    if protocol == "udp":
        remote = row.get("remote_port", "")
        return remote == "" or port_number(remote) == 0
    state = row.get("state", "")
    if state == "LISTEN":
        return True
    if state in QUIET:
        return False
    raise StatelessError


def where(look: Look, row: dict[str, str]) -> tuple[str, str]:
    """The row's namespace, and whether it is the host's: host, other or unknown."""
    if look["platform"] != "linux":
        return "", "host"
    namespace = row.get("net_namespace", "")
    repeats = repeated_in(look, row) if namespace == "0" else set()
    if len(repeats) == 1:
        namespace = repeats.pop()
    if namespace in own_namespaces(look):
        return namespace, "host"
    if namespace in ("", "0"):
        return namespace, "unknown"
    if not is_number(namespace):
        raise GarbledError
    return namespace, "other"


def own_namespaces(look: Look) -> set[str]:
    """The namespaces that are the host's."""
    if look["host_namespace"] not in ("", "0"):
        return {look["host_namespace"]}
    own = {"0"}
    for row in look["rows"]:
        if row.get("net_namespace") == "0":
            own |= repeated_in(look, row)
    return own


def repeated_in(look: Look, row: dict[str, str]) -> set[str]:
    """The identified namespaces in which the same socket is shown again."""
    if row.get("socket", "") in ("", "0"):
        return set()
    return {
        other["net_namespace"]
        for other in look["rows"]
        if other.get("net_namespace", "") not in ("", "0")
        and all(other.get(column, "") == row.get(column, "") for column in TWIN_COLUMNS)
    }


def bound(look: Look, family: str, row: dict[str, str]) -> tuple[str, str, Entry]:
    """The address in canonical form, the families it serves, and what it is."""
    text = row.get("address", "")
    if text not in BOOK:
        raise GarbledError
    entry = BOOK[text]
    if family == "2":
        if entry.version != 4:
            raise GarbledError
        return entry.text, "ipv4", entry
    if text.startswith(MAPPED):
        return entry.text, "ipv4", entry
    if text == "0.0.0.0":
        return "::", "dual", BOOK["::"]
    if entry.kind == "wildcard":
        sure = look["platform"] == "macos" and look["source"].startswith("osquery")
        told = {"0": "dual", "1": "ipv6"}.get(row.get("v6only", ""))
        return "::", told or ("ipv6" if sure else "maybe"), entry
    return entry.text, "ipv4" if entry.version == 4 else "ipv6", entry


def name_of(row: dict[str, str]) -> str | None:
    """The process's name: None when the process is unknown, empty when only its name is."""
    return row.get("name", "") if is_number(row.get("pid", "")) else None


def merged(listeners: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One listener an identity, with the names of all who hold it; empty for one not known."""
    found: dict[Any, dict[str, Any]] = {}
    for each in listeners:
        first = found.setdefault(each["identity"], {**each, "holders": []})
        first["holders"] += each["holders"]
    for each in found.values():
        told = {socket for socket, name in each["holders"] if name is not None}
        each["names"] = [
            name or ""
            for socket, name in each["holders"]
            if name is not None or socket in ("", "0") or socket not in told
        ]
    return list(found.values())


def is_at(listener: dict[str, Any], witness: tuple[str, str, int, bool]) -> bool:
    """Whether a listener is a witness."""
    there = (listener["protocol"], listener["address"], listener["port"])
    return bool(there == witness[:3] and listener["place"] == "host" and not listener.get("lite"))


def doubt(
    look: Look, listeners: list[dict[str, Any]], protocol: str, *, garbled: bool, stateless: bool
) -> str | None:
    """Why the absence of a listener proves nothing."""
    if look["platform"] != "windows" and look["euid"] != 0:
        return "privilege"
    if look["lost"] or look["incomplete"]:
        return "partial"
    if garbled:
        return "garbled"
    wanted = [each for each in look["witnesses"] if each[0] == protocol]
    if not wanted:
        return "no-witness"
    for witness in wanted:
        if not any(is_at(each, witness) for each in listeners):
            return "no-witness"
    return "ambiguous" if stateless else None


def elsewhere(look: Look) -> str | None:
    """Why absence proves nothing about namespaces other than the host's."""
    if look["platform"] != "linux":
        return None
    namespaces = {row.get("net_namespace", "") for row in look["rows"]}
    unread = {"", "0"} & {*namespaces, look["host_namespace"]}
    return "partial" if unread else None


def inside(listener: dict[str, Any], at: str) -> str:
    """Whether a listener is reached inside a scope: yes, no or maybe."""
    kind, stack = listener["entry"].kind, listener["stack"]
    if listener.get("local"):
        local = {"ipv4": ["127.0.0.1"], "ipv6": ["::1"]}.get(stack, ["127.0.0.1", "::1"])
        parts = [inside({"entry": BOOK[each], "stack": stack}, at) for each in local]
        return "yes" if "yes" in parts else "no"
    if at == "any" or (at in ("external", "loopback") and kind == "wildcard"):
        return "yes"
    if at in ("external", "loopback"):
        return "yes" if (kind == "loopback") == (at == "loopback") else "no"
    if kind != "wildcard":
        return "yes" if at in listener["entry"].networks else "no"
    if stack == "maybe":
        return "yes" if at == IPV6_NETWORK else "maybe"
    served = {"ipv4": [IPV4_NETWORK], "ipv6": [IPV6_NETWORK], "dual": [IPV4_NETWORK, IPV6_NETWORK]}
    return "yes" if at in served[stack] else "no"


def held_by(look: Look, names: list[str], wanted: str | None, *, everybody: bool) -> str:
    """Whether somebody, or everybody, who holds a listener is the process that is meant."""
    if wanted is None:
        return "yes"
    if look["platform"] == "windows":
        names, wanted = [name.lower() for name in names], wanted.lower()
    same = {name == wanted for name in names if name}
    hidden = "" in names
    if everybody:
        return "no" if False in same else "maybe" if hidden else "yes"
    return "yes" if True in same else "maybe" if hidden else "no"


def shut_opinion(
    look: Look, rule: Rule, listeners: list[dict[str, Any]], doubts: dict[str, str | None]
) -> Opinion:
    """The opinion on a closed or an only rule."""
    bad, unsure = 0, 0
    for each in listeners:
        if rule["namespaces"] == "host" and each["place"] == "other":
            continue
        if inside(each, rule["at"]) == "no":
            continue
        listed = (each["protocol"], each["port"]) in rule["ports"]
        if rule["kind"] == "closed":
            answer = held_by(look, each["names"], rule["by"], everybody=False) if listed else "no"
        elif not listed:
            answer = "no" if is_client(look, rule, each) else "yes"
        else:
            allowed = held_by(look, each["names"], rule["by"], everybody=True)
            answer = {"yes": "no", "no": "yes", "maybe": "maybe"}[allowed]
        bad += answer == "yes"
        unsure += answer == "maybe"
    if bad:
        return "fail", None, bad
    if unsure:
        return "unproven", "ambiguous", 0
    concerned = {"tcp", "udp"}
    if rule["kind"] == "closed":
        concerned = {protocol for protocol, _ in rule["ports"]}
    return proven(doubts, concerned)


def proven(doubts: dict[str, str | None], concerned: set[str]) -> Opinion:
    """Pass, unless an absence cannot be believed."""
    for protocol in ("tcp", "udp"):
        if protocol in concerned and doubts[protocol]:
            return "unproven", doubts[protocol], 0
    if concerned and doubts["elsewhere"]:
        return "unproven", doubts["elsewhere"], 0
    return "pass", None, 0


def is_client(look: Look, rule: Rule, listener: dict[str, Any]) -> bool:
    """Whether a socket that is not listed looks like a client's."""
    first, last = (32768, 60999) if look["platform"] == "linux" else (49152, 65535)
    if listener["protocol"] != "udp" or rule["ephemeral_udp"] != "note":
        return False
    if listener.get("published") or not listener.get("socket", True):
        return False
    return bool(first <= listener["port"] <= last)


def open_opinion(
    look: Look, rule: Rule, listeners: list[dict[str, Any]], doubts: dict[str, str | None]
) -> Opinion:
    """The opinion on an open rule."""
    answers = {port: is_open(look, rule, listeners, port) for port in rule["ports"]}
    missing = {port for port, answer in answers.items() if answer != "yes"}
    closed = {
        port
        for port in missing
        if answers[port] == "no" and not doubts[port[0]] and not doubts["elsewhere"]
    }
    if closed:
        return "fail", None, len(closed)
    opinion = proven(doubts, {protocol for protocol, _ in missing})
    if missing and opinion[0] == "pass":
        return "unproven", "ambiguous", 0
    return opinion


def is_open(look: Look, rule: Rule, listeners: list[dict[str, Any]], port: tuple[str, int]) -> str:
    """Whether a port is open as the rule asks: yes, no or maybe."""
    best = "no"
    for each in listeners:
        if (each["protocol"], each["port"]) != port or not each.get("socket", True):
            continue
        if each.get("lite"):
            continue
        answers = [
            inside(each, rule["at"]),
            held_by(look, each["names"], rule["by"], everybody=False),
        ]
        if rule["namespaces"] == "host":
            answers.append({"host": "yes", "other": "no", "unknown": "maybe"}[each["place"]])
        if set(answers) == {"yes"}:
            return "yes"
        if "no" not in answers:
            best = "maybe"
    return best
