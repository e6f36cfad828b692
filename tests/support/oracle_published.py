"""The oracle's opinion on ports that docker publishes, in plain ifs."""

from typing import Any

from support.book import BOOK


def forwarded(rows: list[dict[str, str]], sockets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What docker publishes, but for what one of the sockets shows as well."""
    found: dict[Any, dict[str, Any]] = {}
    for row in rows:
        if row["type"] not in ("tcp", "udp") or not row["host_port"].isdecimal():
            continue
        if not 0 < int(row["host_port"]) <= 65535 or row["host_ip"] not in ("", *BOOK):
            continue
        entry = BOOK[row["host_ip"] or "::"]
        stack = "ipv4" if entry.version == 4 else "ipv6" if row["host_ip"] else "dual"
        port = {
            "protocol": row["type"],
            "port": int(row["host_port"]),
            "address": entry.text,
            "stack": stack,
            "entry": entry,
            "place": "host",
            "names": [""],
            "socket": False,
        }
        there = [each for each in sockets if is_socket_of(each, port)]
        proxies = [each for each in there if "docker-proxy" in each["names"]]
        for each in proxies or there:
            each["published"] = True
            if not proxies:
                each["names"] = [*each["names"], ""]
        if not there:
            found[port["protocol"], port["port"], port["address"], stack] = port
    return list(found.values())


def is_socket_of(listener: dict[str, Any], port: dict[str, Any]) -> bool:
    """Whether a socket in the host's namespace is the one of a published port."""
    if listener["place"] != "host":
        return False
    if (listener["protocol"], listener["port"]) != (port["protocol"], port["port"]):
        return False
    both = port["address"] == "0.0.0.0" and listener["address"] == "::"
    return bool(listener["address"] == port["address"] or both)
