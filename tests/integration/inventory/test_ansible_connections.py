"""What Ansible's settings, templates and odd files mean for how hosts are reached."""

from pathlib import Path

import pytest

from portproof.errors import ContentError
from portproof.inventory.read import read_inventory
from portproof.model.connection import Become, Connection, Secret
from portproof.model.observation import Unobserved

pytestmark = pytest.mark.needs("ansible-inventory")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own without settings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ANSIBLE_CONFIG", raising=False)
    return tmp_path


def reached(source: str) -> dict[str, Connection | Unobserved]:
    """Return how each host of a source is reached."""
    return {target.host.name: target.connection for target in read_inventory([source]).targets}


def connected(found: Connection | Unobserved) -> Connection:
    """Insist that a host can be reached."""
    assert isinstance(found, Connection), found
    return found


def test_templates_are_rendered_by_ansible(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all variables of the host, those of files beside the inventory included."""
    monkeypatch.setenv("WHO", "deploy")
    (folder / "group_vars").mkdir()
    (folder / "group_vars" / "all.yml").write_text(
        "dom: example.test\nansible_port: '{{ 2000 + 22 }}'\nansible_password: '{{ word }}'\n"
        "word: hunter2\nansible_become: '{{ true }}'\n"
    )
    (folder / "hosts").write_text(
        "web1 ansible_host='{{ inventory_hostname }}.{{ dom }}'"
        " ansible_user=\"{{ lookup('env', 'WHO') }}\"\n"
        "web2 ansible_host='{{ nobody_knows }}'\n"
        "localhost ansible_connection=local ansible_python_interpreter='{{ playbook_python }}'\n"
    )
    found = reached("hosts")
    web1 = connected(found["web1"])
    assert web1.address == "web1.example.test"
    assert web1.arguments == ("-o", "Port=2022", "-o", 'User="deploy"')
    assert (web1.password, web1.become) == (Secret("hunter2"), Become(method="sudo", user="root"))
    web2 = found["web2"]
    assert isinstance(web2, Unobserved)
    assert web2.detail.startswith("ansible_host of web2 is a template that Ansible renders in a")
    assert connected(found["localhost"]).kind == "local"


def test_settings_of_ansible_count_where_there_is_no_variable(folder: Path) -> None:
    """Of its file and of the environment; a variable comes first."""
    (folder / "ansible.cfg").write_text(
        "[defaults]\nremote_user = deploy\nprivate_key_file = /keys/fleet\ntimeout = 30\n"
        "host_key_checking = false\n"
        "[ssh_connection]\nssh_args = -o ControlMaster=auto -F fleet.cfg\n"
        "[privilege_escalation]\nbecome = true\nbecome_user = boss\n"
        "[sudo_become_plugin]\nuser = auditor\n"
    )
    (folder / "hosts").write_text(
        "web1\nweb2 ansible_ssh_user=me ansible_become_user=root\nweb3 ansible_become_method=doas\n"
    )
    found = {name: connected(each) for name, each in reached("hosts").items()}
    assert found["web1"].arguments == (
        *("-o", "ControlMaster=auto", "-F", "fleet.cfg"),
        *("-o", "StrictHostKeyChecking=no"),
        *("-o", 'IdentityFile="/keys/fleet"'),
        *("-o", 'User="deploy"'),
        *("-o", "ConnectTimeout=30"),
    )
    assert 'User="me"' in found["web2"].arguments
    becoming = {name: each.become for name, each in found.items()}
    assert becoming == {
        "web1": Become(method="sudo", user="auditor"),
        "web2": Become(method="sudo", user="root"),
        "web3": Become(method="doas", user="boss"),
    }


def test_settings_of_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They count as those of the file do; a password among them is not shown."""
    monkeypatch.setenv("ANSIBLE_REMOTE_USER", "deploy")
    monkeypatch.setenv("ANSIBLE_BECOME_PASS", "hunter2")
    (folder / "hosts").write_text("web1 ansible_become=yes\n")
    web1 = connected(reached("hosts")["web1"])
    assert web1.arguments == ("-o", 'User="deploy"')
    assert web1.become == Become(method="sudo", user="root", password=Secret("hunter2"))
    assert "hunter2" not in repr(web1)


def test_settings_that_cannot_be_read_are_an_error(folder: Path) -> None:
    """Another machine could be reached without them."""
    (folder / "hosts").write_text("web1 ansible_port=1\n")
    (folder / "ansible.cfg").write_text("[ssh_connection]\nssh_args = x\nssh_args = y\n")
    with pytest.raises(ContentError):
        reached("hosts")


def test_a_number_that_is_not_finite_concerns_who_needs_it(folder: Path) -> None:
    """``72e1841`` is infinite to Ansible; as a user it is refused by its variable's name."""
    (folder / "hosts").write_text(
        'web1 git_sha=72e1841 text=\'{"a": "Infinity"}\'\nweb2 ansible_user=72e1841\n'
    )
    found = reached("hosts")
    assert connected(found["web1"]).address == "web1"
    web2 = found["web2"]
    assert isinstance(web2, Unobserved)
    assert web2.detail == (
        "ansible_user of web2 is the number Infinity to Ansible; quote it in the inventory"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [("main.tf", 'resource "x" "y" {}\n'), ("hosts.j2", "{% for h in x %}{% endfor %}\n")],
)
def test_a_file_that_is_no_inventory(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    """An inventory folder may hold others; how to leave them out is said, and works."""
    (folder / "inventory").mkdir()
    (folder / "inventory" / "hosts").write_text("[web]\nweb1\n")
    (folder / "inventory" / name).write_text(text)
    with pytest.raises(ContentError) as refused:
        reached("inventory")
    (problem,) = refused.value.problems
    assert problem.file == f"inventory/{name}"
    pattern = rf"\{Path(name).suffix}$"
    assert f"ANSIBLE_INVENTORY_IGNORE_REGEX='{pattern}'" in problem.message
    monkeypatch.setenv("ANSIBLE_INVENTORY_IGNORE_REGEX", pattern)
    assert list(reached("inventory")) == ["web1"]
