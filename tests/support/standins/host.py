"""A small host for the stand-ins: port 609 is open, by a known process and by a hidden one."""

import yaml

from support.paths import ROOT
from support.standins.schema import Rows

HOST: Rows = {
    "osquery_info": [{"pid": 700, "version": "5.23.0"}],
    "process_namespaces": [{"pid": 1, "net_namespace": "4026531840"}],
    "processes": [
        {"pid": 700, "name": "osqueryd", "uid": 0, "euid": 0},
        {
            "pid": 812,
            "name": "npmp",
            "path": "/usr/sbin/npmp",
            "cmdline": "npmp -d",
            "uid": 33,
            "start_time": 1_700_000_000,
            "on_disk": 1,
            "parent": 1,
        },
    ],
    "users": [{"uid": 33, "username": "www-data"}],
    "osquery_flags": [{"name": "read_max", "value": "52428800"}],
    "file": [{"path": "/proc/812/task/812/fd/3", "inode": 4001, "type": "socket"}],
    "process_open_sockets": [
        {
            "pid": 812,
            "fd": 3,
            "socket": 4001,
            "family": 2,
            "protocol": 6,
            "local_address": "0.0.0.0",
            "local_port": 609,
            "remote_port": 0,
            "state": "LISTEN",
            "net_namespace": "4026531840",
        },
        {
            "pid": 812,
            "family": 2,
            "protocol": 6,
            "local_address": "192.0.2.1",
            "local_port": 609,
            "remote_port": 443,
            "state": "ESTABLISHED",
        },
        {
            "pid": -1,
            "fd": -1,
            "socket": 4002,
            "family": 10,
            "protocol": 17,
            "local_address": "::1",
            "local_port": 609,
            "remote_port": 0,
            "state": "",
            "net_namespace": "4026531840",
        },
        {"pid": 812, "family": 1, "protocol": 0, "path": "/run/x.sock"},
    ],
}
"""A host where port 609 is open, once by a known process and once by a hidden one."""

LISTENERS = (
    {
        "pid": "812",
        "fd": "3",
        "socket": "4001",
        "family": "2",
        "protocol": "6",
        "address": "0.0.0.0",
        "port": "609",
        "remote_port": "0",
        "state": "LISTEN",
        "net_namespace": "4026531840",
        "name": "npmp",
        "path": "/usr/sbin/npmp",
        "cmdline": "npmp -d",
        "uid": "33",
        "user": "www-data",
        "start_time": "1700000000",
        "on_disk": "1",
        "parent": "1",
    },
    {
        "pid": "-1",
        "fd": "-1",
        "socket": "4002",
        "family": "10",
        "protocol": "17",
        "address": "::1",
        "port": "609",
        "remote_port": "0",
        "state": "",
        "net_namespace": "4026531840",
        "name": "",
        "path": "",
        "cmdline": "",
        "uid": "",
        "user": "",
        "start_time": "",
        "on_disk": "",
        "parent": "",
    },
)
"""What the shipped question for listening sockets gives on that host."""


def listening_sockets() -> str:
    """Give the shipped question for listening sockets, on Linux."""
    return _shipped("listening-sockets")


def published_ports() -> str:
    """Give the shipped question for ports that docker publishes."""
    return _shipped("published-ports")


def _shipped(check: str) -> str:
    return str(yaml.safe_load((ROOT / "checks" / f"{check}.yml").read_text())["sql"]["linux"])
