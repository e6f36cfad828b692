"""A fleet as an inventory of Ansible's."""

from pathlib import Path

from support.fleet.fleet import Fleet
from support.fleet.looking import known_hosts


def write_inventory(made: Fleet, folder: Path) -> Path:
    """Write an INI file with every host, reached as root with the fleet's own key."""
    known = known_hosts(made)
    arguments = f"-o UserKnownHostsFile={known} -o IdentitiesOnly=yes -F none"
    common = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(made.key()),
        "ansible_ssh_common_args": f"'{arguments}'",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    lines = [f"{host.name} ansible_host={host.address}" for host in made.hosts.values()]
    lines += ["[all:vars]", *(f"{name}={value}" for name, value in common.items())]
    file = folder / "inventory.ini"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
