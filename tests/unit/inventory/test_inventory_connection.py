"""What the connection variables of a host come to, and what is refused."""

import copy
import pickle
from typing import Any

import msgspec
import pytest

from portproof.inventory.connection import connection
from portproof.inventory.targets import with_targets
from portproof.inventory.variables import Encrypted
from portproof.model.connection import Become, Connection, Secret
from portproof.model.hosts import Host, Inventory
from portproof.model.observation import Reason, Unobserved
from support.for_each import for_each


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
    """All that portproof honours, at once; ssh gets its arguments in Ansible's order."""
    assert reached(
        ansible_connection="ansible.builtin.ssh",
        ansible_host="10.0.0.1",
        ansible_port=2222,
        ansible_user="deploy",
        ansible_password=Secret("login"),
        ansible_private_key_file="/keys/fleet",
        ansible_host_key_checking="no",
        ansible_ssh_timeout=30,
        ansible_ssh_args="-o ControlMaster=auto -4",
        ansible_ssh_common_args="-J ops@bastion:22 -o IdentitiesOnly=yes",
        ansible_ssh_extra_args="-Fssh.cfg -i other -o 'UserKnownHostsFile=a \"b c\"'",
        ansible_become="yes",
        ansible_become_method="community.general.doas",
        ansible_become_user="auditor",
        ansible_become_password=Secret("become"),
        ansible_python_interpreter="/usr/bin/python3.11",
        ansible_ssh_executable="/opt/openssh/bin/ssh",
        accept=True,
    ) == Connection(
        kind="ssh",
        address="10.0.0.1",
        arguments=(
            *("-o", "ControlMaster=auto", "-4"),
            *("-o", "StrictHostKeyChecking=no"),
            *("-o", "Port=2222"),
            *("-o", 'IdentityFile="/keys/fleet"'),
            *("-o", 'User="deploy"'),
            *("-o", "ConnectTimeout=30"),
            *("-J", "ops@bastion:22", "-o", "IdentitiesOnly=yes"),
            *("-F", "ssh.cfg", "-i", "other", "-o", 'UserKnownHostsFile=a "b c"'),
        ),
        program="/opt/openssh/bin/ssh",
        password=Secret("login"),
        accept_new_host_keys=True,
        become=Become(method="doas", user="auditor", password=Secret("become")),
        interpreter="/usr/bin/python3.11",
    )


@for_each(
    ("arguments", "words"),
    [
        ("-o ProxyCommand='ssh -W %h:%p -q b'", ("-o", "ProxyCommand=ssh -W %h:%p -q b")),
        ('-oProxyCommand="nc %h %p"', ("-o", "ProxyCommand=nc %h %p")),
        ("-p2200 -l ops", ("-p", "2200", "-l", "ops")),
        ("-qTi a -ib", ("-i", "a", "-i", "b")),
        ("-4vF none", ("-4", "-F", "none")),
        ("-C -qT -S path -vvv -E log -y -L 1:h:2", ()),
        ("-o BatchMode=yes -o ConnectionAttempts=3", None),
        ("-o PreferredAuthentications=publickey", None),
        ("-o HostKeyAlgorithms=+ssh-rsa -o PubkeyAcceptedAlgorithms=+ssh-rsa", None),
    ],
)
def test_arguments_of_ssh_are_handed_on(arguments: str, words: tuple[str, ...] | None) -> None:
    """Whatever ssh_config(5) knows is for ssh to judge; what concerns its output is left out."""
    wanted = tuple(arguments.split()) if words is None else words
    assert reached(**common(arguments)).arguments == wanted


@for_each(
    ("arguments", "said"),
    [
        ("bastion", "has bastion, which portproof does not support"),
        ("-4 bastion", "has bastion, which portproof does not support"),
        ("--", "has --, which portproof does not support"),
        ("-W a:1", "has -W, which portproof does not support"),
        ("-O stop", "has -O, which portproof does not support"),
        ("-V", "has -V, which portproof does not support"),
        ("-G", "has -G, which portproof does not support"),
        ("-Q cipher", "has -Q, which portproof does not support"),
        ("-o", "has -o without a value"),
        ("-J", "has -J without a value"),
        ("-o 'User=a", "is not a command line: No closing quotation"),
        ("-o 'ProxyCommand=a\nhostname b'", "has a line break or a control character"),
    ],
)
def test_what_cannot_be_honoured_is_said(arguments: str, said: str) -> None:
    """A word that is no option would take the place of the host; others would end ssh's answer."""
    found = refused(**common(arguments))
    assert found.reason is Reason.UNSUPPORTED_CONNECTION
    assert found.detail.startswith(f"ansible_ssh_common_args of web1 {said}")


@for_each(
    ("address", "name"),
    [
        ("root@10.77.0.3", "root@10.77.0.3"),
        ("CORP\\deploy@web1", "CORP\\deploy@web1"),
        ("ssh://root@web1:2222", "ssh://root@web1:2222"),
        ("ssh://web1/", "ssh://web1/"),
        ("[2001:db8::1]", "2001:db8::1"),
    ],
)
def test_names_that_ssh_takes_apart(address: str, name: str) -> None:
    """A user and a port may be part of a host's name, as on ssh's command line."""
    assert reached(name=address).address == name
    assert reached(ansible_host=address).address == name


def test_a_user_of_a_domain() -> None:
    """A user's name may have a backslash."""
    assert reached(ansible_user="CORP\\deploy").arguments == ("-o", 'User="CORP\\deploy"')


@for_each("kind", ["winrm", "psrp", "docker", "paramiko_ssh", "x\x1b"])
def test_other_connections_are_unsupported(kind: str) -> None:
    """What is neither SSH nor local is said to be so."""
    found = refused(ansible_connection=kind)
    assert found.reason is Reason.UNSUPPORTED_CONNECTION
    assert "portproof supports ssh and local" in found.detail
    assert "\x1b" not in found.detail


@for_each("kind", ["ssh", "smart", "ansible.legacy.ssh"])
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


@for_each(
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
@for_each(
    ("value", "said"),
    [
        ("{{ secret }}", "is a template that Ansible renders in a play only; write the value"),
        ("a{% if b %}", "is a template that Ansible renders in a play only; write the value"),
        (
            Secret("{{ vault }}"),
            "is a template that Ansible renders in a play only; write the value",
        ),
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


@for_each("variable", ["ansible_become_method", "ansible_become_password"])
def test_nothing_is_guessed_of_becoming(variable: str) -> None:
    """The same for the variables of becoming another user; without it they do not matter."""
    told: dict[str, Any] = {variable: "{{ x }}"}
    assert "is a template" in refused(ansible_become=True, **told).detail
    assert reached(ansible_become=False, **told).become is None


@for_each(
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
        (
            {"ansible_become": True, "ansible_become_flags": "-H -S -n"},
            Become(method="sudo", user="root"),
        ),
    ],
)
def test_becoming_another_user(variables: dict[str, Any], become: Become | None) -> None:
    """Sudo unless another method is given, root unless another user; a method's own names count."""
    assert reached(**variables).become == become


@for_each(
    ("variables", "said"),
    [
        (
            {"ansible_become_method": "su"},
            "ansible_become_method of web1 is su; portproof",
        ),
        ({"ansible_become_flags": "-H -E"}, "ansible_become_flags of web1 is -H -E, which"),
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


@for_each(
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
        (
            {"ansible_host": "a b@web1"},
            "ansible_host of web1 is 'a b', which is not a valid user name",
        ),
        (
            {"ansible_host": "-x@web1"},
            "ansible_host of web1 is '-x', which is not a valid user name",
        ),
        ({"ansible_port": "1\n2"}, "ansible_port of web1 is '1\\n2', which cannot be given to ssh"),
        ({"ansible_private_key_file": '"'}, "ansible_private_key_file of web1 is"),
        ({"ansible_user": "a b"}, "ansible_user of web1 is 'a b', which is not a valid user name"),
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


@for_each("told", ["python3", "/usr/bin/env python3"])
def test_a_python_on_path(told: str) -> None:
    """By its name, or through env."""
    assert reached(ansible_python_interpreter=told).interpreter == "python3"


def test_a_local_host_has_no_use_for_a_login() -> None:
    """Variables that a local look never uses may be whatever they are."""
    found = reached(
        name="localhost",
        ansible_connection="local",
        ansible_python_interpreter="{{ ansible_playbook_python }}",
        ansible_become="{{ become }}",
        ansible_user="{{ user }}",
    )
    assert found == Connection(kind="local", address="localhost")


@for_each("told", ["auto", "auto_legacy_silent", "", None])
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


def test_a_machine_without_ssh_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a host is reached over SSH: no configuration of OpenSSH's could be asked for."""
    monkeypatch.setenv("PATH", "/nowhere")
    over_ssh = with_targets(Inventory((Host("web1"),), "the test"))
    assert [text for text in over_ssh.warnings if "no ssh program" in text]
    here = Host("localhost", variables={"ansible_connection": "local"})
    assert with_targets(Inventory((here,), "the test")).warnings == ()
