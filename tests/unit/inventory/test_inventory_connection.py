"""What the connection variables of a host come to, and what is refused."""

import copy
import pickle
from typing import Any

import msgspec
import pytest

from portproof.inventory.connection import connection
from portproof.inventory.variables import Encrypted
from portproof.model.connection import Become, Connection, Secret
from portproof.model.hosts import Host
from portproof.model.observation import Reason, Unobserved


def reached(*, name: str = "web1", accept: bool = False, **variables: Any) -> Connection:  # noqa: ANN401 - any variable
    """The connection that variables make."""
    found = connection(Host(name, variables=variables), accept_new_host_keys=accept)
    assert isinstance(found, Connection), found
    return found


def refused(*, name: str = "web1", accept: bool = False, **variables: Any) -> Unobserved:  # noqa: ANN401 - any variable
    """The reason why variables make no connection."""
    found = connection(Host(name, variables=variables), accept_new_host_keys=accept)
    assert isinstance(found, Unobserved), found
    return found


def common(arguments: str) -> dict[str, Any]:
    """Variables with arguments of ssh."""
    return {"ansible_ssh_common_args": arguments}


def test_a_name_alone_is_an_address() -> None:
    """Without variables a host is reached by its name, and all else is left to OpenSSH's rules."""
    assert reached() == Connection(kind="ssh", address="web1")


def test_every_variable_has_its_place() -> None:
    """All that portproof honours, at once."""
    assert reached(
        ansible_connection="ansible.builtin.ssh",
        ansible_host="10.0.0.1",
        ansible_port=2222,
        ansible_user="deploy",
        ansible_password=Secret("login"),
        ansible_private_key_file="~/.ssh/fleet",
        ansible_ssh_common_args="-J ops@bastion:22 -o IdentitiesOnly=yes -o ConnectTimeout=7",
        ansible_ssh_extra_args="-F ssh.cfg -i other -o 'UserKnownHostsFile=a \"b c\"'",
        ansible_become="yes",
        ansible_become_method="community.general.doas",
        ansible_become_user="auditor",
        ansible_become_password=Secret("become"),
        ansible_python_interpreter="/usr/bin/python3.11",
    ) == Connection(
        kind="ssh",
        address="10.0.0.1",
        port=2222,
        user="deploy",
        identity_files=("~/.ssh/fleet", "other"),
        identities_only=True,
        password=Secret("login"),
        proxy_jump="ops@bastion:22",
        known_hosts=("a", "b c"),
        connect_timeout=7,
        config_file="ssh.cfg",
        become=Become(method="doas", user="auditor", password=Secret("become")),
        interpreter="/usr/bin/python3.11",
    )


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        ("-o ProxyCommand='ssh -W %h:%p -q bastion'", "proxy_command", "ssh -W %h:%p -q bastion"),
        ('-oProxyCommand="nc %h %p"', "proxy_command", "nc %h %p"),
        ("-o proxyjump=a,b", "proxy_jump", "a,b"),
        ("-J none -o ProxyCommand=x", "proxy_command", None),
        ("-p2200", "port", 2200),
        ("-o 'Port 2200' -p 2201", "port", 2200),
        ("-l ops", "user", "ops"),
        ("-o 'User = \"ops\"' -l other", "user", "ops"),
        ("-i a -i b -o IdentityFile=c", "identity_files", ("a", "b", "c")),
        ("-o IdentitiesOnly=no", "identities_only", False),
        ("-o ConnectTimeout=none", "connect_timeout", None),
        ("-F none", "config_file", "none"),
        ("-o StrictHostKeyChecking=accept-new", "accept_new_host_keys", True),
        ("-o StrictHostKeyChecking=yes", "accept_new_host_keys", False),
        ("-o StrictHostKeyChecking=ask", "accept_new_host_keys", False),
    ],
)
def test_arguments_of_ssh(arguments: str, field: str, value: object) -> None:
    """Options of OpenSSH's client in all the forms it takes; the first of two counts."""
    assert getattr(reached(**common(arguments)), field) == value


def test_what_changes_nothing_may_be_there() -> None:
    """Multiplexing, compression and the like are left out: a connection stays what it is."""
    idle = "-C -qT -S path -o ControlMaster=auto -o ControlPersist=60s -o ServerAliveInterval=5"
    assert reached(ansible_ssh_args=idle, **common("-vvv -o LogLevel=ERROR")) == reached()


def test_variables_count_between_the_arguments() -> None:
    """Ansible hands over ``ansible_ssh_args``, then single variables, then the common arguments."""
    found = reached(ansible_ssh_args="-p 1", ansible_port=2, ansible_user="me", **common("-l you"))
    assert (found.port, found.user) == (1, "me")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("-o HostKeyAlgorithms=+ssh-rsa", "has -o hostkeyalgorithms=+ssh-rsa, which portproof"),
        ("-4", "has -4, which portproof cannot honour"),
        ("-qD 1080", "has -D, which portproof cannot honour"),
        ("bastion", "has bastion, which portproof cannot honour"),
        ("--", "has --, which portproof cannot honour"),
        ("-o", "has -o , which is not an option with a value"),
        ("-o Port", "has -o Port, which is not an option with a value"),
        ("-J", "has -J without a value"),
        ("-o 'User=a", "is not a command line: No closing quotation"),
        ("-p http", "gives 'http' as port"),
        ("-p 65536", "gives '65536' as port"),
        ("-o IdentitiesOnly=perhaps", "gives 'perhaps' as identitiesonly"),
        ("-o ConnectTimeout=1h", "gives '1h' as connecttimeout"),
        ("-o StrictHostKeyChecking=maybe", "gives 'maybe' as stricthostkeychecking"),
        ("-l '-oProxyCommand=x'", "is '-oProxyCommand=x', which is not a valid user name"),
    ],
)
def test_what_cannot_be_honoured_is_said(arguments: str, said: str) -> None:
    """An option is never left out in silence: the host is not looked at, and the reason told."""
    found = refused(**common(arguments))
    assert found.reason is Reason.UNSUPPORTED_CONNECTION
    assert found.detail.startswith(f"ansible_ssh_common_args of web1 {said}")


@pytest.mark.parametrize(
    "variables",
    [
        common("-o StrictHostKeyChecking=no"),
        common("-o stricthostkeychecking=off"),
        common("-o UserKnownHostsFile=/dev/null"),
        common("-o 'UserKnownHostsFile=\"/dev//null\"'"),
        common("-o UserKnownHostsFile=none"),
        {"ansible_host_key_checking": False},
        {"ansible_host_key_checking": True, "ansible_ssh_host_key_checking": "no"},
    ],
)
def test_host_keys_are_checked_whatever_the_inventory_says(variables: dict[str, Any]) -> None:
    """An inventory cannot switch checking off; the user can have new keys recorded instead."""
    found = refused(**variables)
    assert found.reason is Reason.HOST_KEY
    assert "--accept-new-host-keys" in found.detail
    accepted = reached(accept=True, **variables)
    assert (accepted.accept_new_host_keys, accepted.known_hosts) == (True, ())


def test_the_strictest_wish_counts() -> None:
    """A host that insists on known keys gets that, also where the user accepts new ones."""
    strict = reached(accept=True, **common("-o StrictHostKeyChecking=yes"))
    assert not strict.accept_new_host_keys
    assert reached(accept=True).accept_new_host_keys
    assert reached(accept=True, **common("-o StrictHostKeyChecking=ask")).accept_new_host_keys


@pytest.mark.parametrize("kind", ["winrm", "psrp", "docker", "paramiko_ssh", "x\x1b"])
def test_other_connections_are_unsupported(kind: str) -> None:
    """What is neither SSH nor local is said to be so."""
    found = refused(ansible_connection=kind)
    assert found.reason is Reason.UNSUPPORTED_CONNECTION
    assert "portproof has ssh and local" in found.detail
    assert "\x1b" not in found.detail


@pytest.mark.parametrize("kind", ["ssh", "smart", "ansible.legacy.ssh"])
def test_names_of_ssh(kind: str) -> None:
    """SSH goes by several names in Ansible."""
    assert reached(ansible_connection=kind).kind == "ssh"


def test_local_is_believed_of_this_machine_only() -> None:
    """A switch that Ansible manages from here is not here: its ports are not this machine's."""
    here = Host("LAPTOP.example.com", variables={"ansible_connection": "local"})
    found = connection(here, here={"laptop.example.com"})
    assert isinstance(found, Connection)
    assert found.kind == "local"
    assert reached(name="localhost", ansible_connection="ansible.builtin.local").kind == "local"
    assert reached(ansible_connection="local", ansible_host="127.0.1.1").kind == "local"
    switch = refused(name="switch1", ansible_connection="local", ansible_host="10.0.0.9")
    assert switch.reason is Reason.UNSUPPORTED_CONNECTION
    assert switch.detail.startswith("ansible_connection of switch1 is local, but that is not this")


@pytest.mark.parametrize(
    "variable",
    [
        "ansible_host",
        "ansible_port",
        "ansible_user",
        "ansible_connection",
        "ansible_password",
        "ansible_ssh_private_key_file",
        "ansible_ssh_common_args",
        "ansible_ssh_extra_args",
        "ansible_ssh_args",
        "ansible_host_key_checking",
        "ansible_become",
        "ansible_python_interpreter",
    ],
)
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{{ secret }}", "is a template, which portproof does not render; write the value"),
        ("a{% if b %}", "is a template, which portproof does not render; write the value"),
        (Secret("{{ vault }}"), "is a template, which portproof does not render; write the value"),
        (Encrypted("$ANSIBLE_VAULT"), "is encrypted and was not decrypted"),
        (["a"], "is not a text"),
        ({"a": 1}, "is not a text"),
    ],
    ids=["variable", "block", "secret", "encrypted", "list", "mapping"],
)
def test_nothing_is_guessed(variable: str, value: Any, said: str) -> None:  # noqa: ANN401 - any variable
    """A value that is not known yet is no value: the host is not looked at."""
    found = refused(**{variable: value})
    assert found.reason is Reason.UNSUPPORTED_CONNECTION
    assert found.detail.startswith(f"{variable} of web1 {said}")


@pytest.mark.parametrize("variable", ["ansible_become_method", "ansible_become_password"])
def test_nothing_is_guessed_of_becoming(variable: str) -> None:
    """The same for the variables of becoming another user; without it they do not matter."""
    told: dict[str, Any] = {variable: "{{ x }}"}
    assert "is a template" in refused(ansible_become=True, **told).detail
    assert reached(ansible_become=False, **told).become is None


@pytest.mark.parametrize(
    ("variables", "become"),
    [
        ({}, None),
        ({"ansible_become": False, "ansible_become_user": "root"}, None),
        ({"ansible_become": True}, Become(method="sudo", user="root")),
        ({"ansible_become": "true", "ansible_become_user": ""}, Become(method="sudo", user="root")),
        (
            {"ansible_become": 1, "ansible_become_pass": "a", "ansible_sudo_pass": "b"},
            Become(method="sudo", user="root", password=Secret("b")),
        ),
        (
            {"ansible_become": "on", "ansible_become_method": "doas", "ansible_doas_user": "op"},
            Become(method="doas", user="op"),
        ),
        (
            {"ansible_become": True, "ansible_become_exe": "sudo"},
            Become(method="sudo", user="root"),
        ),
    ],
)
def test_becoming_another_user(variables: dict[str, Any], become: Become | None) -> None:
    """Sudo unless another method is given, root unless another user; a method's own names count."""
    assert reached(**variables).become == become


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"ansible_become_method": "su"},
            "ansible_become_method of web1 is su; portproof",
        ),
        ({"ansible_become_flags": "-H -S"}, "ansible_become_flags of web1 is -H -S, which"),
        ({"ansible_sudo_exe": "/opt/sudo"}, "ansible_sudo_exe of web1 is /opt/sudo, which"),
        (
            {"ansible_become_user": "a;b"},
            "ansible_become_user of web1 is 'a;b', which is not a valid user",
        ),
        ({"ansible_become": "maybe"}, "ansible_become of web1 is neither yes nor no"),
    ],
)
def test_becoming_as_portproof_cannot(variables: dict[str, Any], said: str) -> None:
    """Another method, flags or program is refused: it would not be what was meant."""
    assert refused(**{"ansible_become": True, **variables}).detail.startswith(said)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ansible_host": ""}, "ansible_host of web1 is '', which is not a valid address"),
        (
            {"ansible_ssh_host": "a b"},
            "ansible_ssh_host of web1 is 'a b', which is not a valid address",
        ),
        (
            {"ansible_host": "$(reboot)"},
            "ansible_host of web1 is '$(reboot)', which is not a valid address",
        ),
        (
            {"ansible_host": "-oX=y"},
            "ansible_host of web1 is '-oX=y', which is not a valid address",
        ),
        ({"ansible_port": ""}, "ansible_port of web1 gives '' as port"),
        ({"ansible_port": True}, "ansible_port of web1 gives 'True' as port"),
        ({"ansible_user": "a b"}, "ansible_user of web1 is 'a b', which is not a valid user name"),
        ({"ansible_ssh_executable": "/opt/ssh"}, "ansible_ssh_executable of web1 is set, which"),
        ({"ansible_private_key": Secret("k")}, "ansible_private_key of web1 is set, which"),
        ({"ansible_ssh_pkcs11_provider": "x"}, "ansible_ssh_pkcs11_provider of web1 is set, which"),
        (
            {"ansible_python_interpreter": "env python3"},
            "ansible_python_interpreter of web1 is",
        ),
    ],
)
def test_values_that_make_no_sense(variables: dict[str, Any], said: str) -> None:
    """Each is told by its variable's name; what a shell would run is no address and no user."""
    assert refused(**variables).detail.startswith(said)


def test_a_name_that_is_no_address_needs_one() -> None:
    """A host may have any name if ``ansible_host`` says where it is."""
    assert (
        refused(name="sp ace").detail
        == "the name of sp ace is 'sp ace', which is not a valid address"
    )
    assert reached(name="sp ace", ansible_host="[2001:db8::1]").address == "2001:db8::1"


@pytest.mark.parametrize("told", ["auto", "auto_legacy_silent", "", None])
def test_a_python_to_be_found(told: str | None) -> None:
    """Ansible's words for looking for an interpreter leave it to be found."""
    assert reached(ansible_python_interpreter=told).interpreter is None


def test_passwords_are_not_shown() -> None:
    """However a connection is printed, encoded or handed to another process."""
    found = reached(
        ansible_password="hunter2",  # noqa: S106 - the secret of this test
        ansible_become=True,
        ansible_become_password="hunter2",  # noqa: S106 - the secret of this test
    )
    assert found.password is not None
    assert found.password.reveal() == "hunter2"
    secret = found.password
    shown = [repr(found), str(found), f"{secret}", repr(secret), f"{[secret]}", "%s" % secret]  # noqa: UP031 - all ways
    assert [text for text in shown if "hunter2" in text] == []
    with pytest.raises(TypeError):
        msgspec.json.encode(found)
    with pytest.raises(TypeError):
        pickle.dumps(found)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)


def test_equal_passwords_are_equal() -> None:
    """Secrets compare by what they hold, and are keys like any value."""
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"
