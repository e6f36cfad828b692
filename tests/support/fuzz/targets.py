"""The table of targets: what reads bytes from outside, and real data to begin from."""

from collections.abc import Callable
from typing import NamedTuple

from support.fuzz import hosts, users


class Target(NamedTuple):
    """Something that reads.

    ``run`` is given any bytes and says whether it understood them; whatever it raises is a bug.
    ``seeds`` gives real data, some of which it understands.
    """

    run: Callable[[bytes], bool]
    seeds: Callable[[], list[bytes]]


TARGETS = {
    "thrift": Target(hosts.thrift, hosts.thrift_seeds),
    "osqueryi": Target(hosts.osqueryi, hosts.osqueryi_seeds),
    "osqueryi-over-ssh": Target(hosts.osqueryi_over_ssh, hosts.osqueryi_over_ssh_seeds),
    "frame": Target(hosts.frame, hosts.frame_seeds),
    "dialogue": Target(hosts.dialogue, hosts.dialogue_seeds),
    "reply": Target(hosts.reply, hosts.reply_seeds),
    "probe": Target(hosts.probed, hosts.probed_seeds),
    "why": Target(hosts.second_round, hosts.second_round_seeds),
    "rows": Target(hosts.rows, hosts.rows_seeds),
    "policy": Target(users.policy, users.policy_seeds),
    "check": Target(users.check, users.check_seeds),
    "pack": Target(users.pack, users.pack_seeds),
    "fleet": Target(users.fleet, users.fleet_seeds),
    "ansible": Target(users.listing, users.listing_seeds),
    "names": Target(users.names, users.names_seeds),
    "known-hosts": Target(users.known_hosts, users.known_hosts_seeds),
    "key": Target(users.key, users.key_seeds),
    "pattern": Target(users.pattern, users.pattern_seeds),
    "ports": Target(users.ports, users.ports_seeds),
    "evidence": Target(users.evidence, users.evidence_seeds),
    "folder": Target(users.folder, users.folder_seeds),
}
