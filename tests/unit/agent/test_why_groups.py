"""Units, containers and socket activation, told from control groups and files of systemd."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portproof.agent.units import container_of, socket_of, socket_units, unit_of
from support.for_each import for_each
from support.investigate.whyhost import WhyHost

ID = "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970"
POD = "74c13223-5a00-11e9-b385-42010a80018d"
POD_ = POD.replace("-", "_")
NPMP = "0::/system.slice/npmp.service\n"


@for_each(
    ("cgroup", "runtime", "identifier"),
    [
        (f"0::/system.slice/docker-{ID}.scope", "docker", ID),
        (f"12:memory:/docker/{ID}\n0::/", "docker", ID),
        (f"0::/docker/{ID}/system.slice/sshd.service", "docker", ID),
        (f"0::/machine.slice/libpod-{ID}.scope/container", "podman", ID),
        (
            f"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope",
            "podman",
            ID,
        ),
        (f"0::/system.slice/nerdctl-{ID}.scope", "containerd", ID),
        (
            f"0::/kubepods.slice/kubepods-pod{POD_}.slice/cri-containerd-{ID}.scope",
            "containerd",
            ID,
        ),
        (f"0::/kubepods-burstable-pod{POD_}.slice:cri-containerd:{ID}", "containerd", ID),
        (f"0::/kubepods.slice/kubepods-pod{POD_}.slice/crio-{ID}.scope", "cri-o", ID),
        (f"4:cpu:/kubepods/besteffort/pod{POD}/{ID}", "kubernetes", ID),
        (f"0::/default/{ID}", "an unknown runtime", ID),
        ("0::/lxc.payload.web/init.scope", "lxc", "web"),
        ("8:pids:/lxc/web/ns", "lxc", "web"),
        ("0::/machine.slice/systemd-nspawn@web.service/payload", "systemd-machined", "web"),
    ],
)
def test_a_container_is_told_by_its_group(cgroup: str, runtime: str, identifier: str) -> None:
    """Every runtime names its groups after its containers, in its own way."""
    found = container_of(cgroup)
    assert found is not None
    assert (found["runtime"], found["id"]) == (runtime, identifier)
    assert found.get("pod", "") == (POD if "pod" in cgroup.replace("libpod", "") else "")


@for_each(
    "cgroup",
    [
        "0::/",
        "0::/system.slice/docker.service",
        f"0::/machine.slice/libpod-conmon-{ID}.scope",
        f"0::/system.slice/app-{ID}.service",
        "0::/lxc.monitor.web",
        "0::/machine.slice/machine-qemu\\x2d1\\x2dweb.scope",
        "",
    ],
)
def test_what_only_looks_like_a_container_is_none(cgroup: str) -> None:
    """Daemons, monitors and virtual machines run on the host."""
    assert container_of(cgroup) is None


@for_each(
    ("cgroup", "unit"),
    [
        (NPMP, "npmp.service"),
        ("4:memory:/x/other.service\n1:name=systemd:/system.slice/npmp.service\n", "npmp.service"),
        ("0::/user.slice/user-1000.slice/session-3.scope", "session-3.scope"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/dev.service", "dev.service"),
        ("0::/system.slice/npmp.service/payload", "npmp.service"),
        ("0::/", ""),
        ("nonsense", ""),
    ],
)
def test_the_innermost_unit_counts(cgroup: str, unit: str) -> None:
    """On the unified hierarchy or on systemd's own."""
    assert unit_of(cgroup) == unit


@given(st.text(max_size=300))
def test_any_text_has_a_unit_and_a_container_or_none(text: str) -> None:
    """Nothing in the file is trusted to have a form."""
    assert isinstance(unit_of(text), str)
    found = container_of(text)
    assert found is None or found["id"]


IMAGES = {
    "docker": (
        f"root/var/lib/docker/containers/{ID}/config.v2.json",
        {"Name": "/web", "Config": {"Image": "shop:1"}},
    ),
    "libpod": (
        "root/var/lib/containers/storage/overlay-containers/containers.json",
        [
            {"id": "other", "metadata": "{}"},
            {"id": ID, "metadata": json.dumps({"image-name": "shop:1", "name": "web"})},
        ],
    ),
    "cri-containerd": (
        f"root/run/containerd/io.containerd.runtime.v2.task/k8s.io/{ID}/config.json",
        {
            "annotations": {
                "io.kubernetes.cri.image-name": "shop:1",
                "io.kubernetes.cri.container-name": "web",
            }
        },
    ),
}


@pytest.mark.parametrize("runtime", IMAGES)
def test_the_image_is_told_where_the_runtime_wrote_it_down(runtime: str, tmp_path: Path) -> None:
    """And the container's scope is no unit that says anything."""
    host = WhyHost(tmp_path)
    host.process(812, cgroup=f"0::/system.slice/{runtime}-{ID}.scope\n")
    file, told = IMAGES[runtime]
    host.put(file, json.dumps(told))
    why = host.why()
    assert (why["container"]["image"], why["container"]["name"]) == ("shop:1", "web")
    assert "unit" not in why


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"Config": 7, "Name": 3}', "\0" * 9, "[" * 5000])
def test_an_image_that_is_not_told_is_missing(text: str, tmp_path: Path) -> None:
    """Whatever stands in the runtime's file."""
    host = WhyHost(tmp_path)
    host.process(812, cgroup=f"0::/docker/{ID}\n")
    host.put(f"root/var/lib/docker/containers/{ID}/config.v2.json", text)
    why = host.why()
    assert why["container"]["runtime"] == "docker"
    assert f"the image of container {ID} could not be found" in why["missing"]


def units(host: WhyHost, **files: str) -> None:
    """Write unit files of the distribution."""
    for name, text in files.items():
        host.put(f"root/usr/lib/systemd/system/{name}.socket", text)


LISTENS = "[Unit]\nDescription=x\n[Socket]\n# ListenStream=1\nListenStream=609\n"


def test_a_socket_that_systemd_holds_too_was_activated(tmp_path: Path) -> None:
    """The unit that did it is the one that starts the service."""
    host = WhyHost(tmp_path)
    units(host, npmp=LISTENS, other="[Socket]\nListenDatagram=[::]:610\nService=npmpd.service\n")
    host.process(1, "systemd", sockets=(4001, 9))
    host.process(812, cgroup=NPMP, sockets=(4001,))
    host.process(813, cgroup=NPMP, sockets=(4002,))
    assert host.why()["unit"] == {
        "name": "npmp.service",
        "activated": True,
        "socket": "npmp.socket",
    }
    assert host.why(813)["unit"] == {"name": "npmp.service", "activated": False}


def test_another_process_1_shares_sockets_for_other_reasons(tmp_path: Path) -> None:
    """In a container process 1 is the service itself."""
    host = WhyHost(tmp_path)
    host.process(1, "nginx", sockets=(4001,))
    host.process(812, cgroup=NPMP, sockets=(4001,))
    assert host.why()["unit"]["activated"] is False


@pytest.mark.parametrize(
    ("environment", "activated"),
    [
        ("LISTEN_FDS=1\0LISTEN_PID=812", True),
        ("LISTEN_PID=7\0LISTEN_FDS=2", True),
        ("LISTEN_FDS=1\0LISTEN_PID=700", False),
        ("LISTEN_FDS=0\0LISTEN_PID=812", False),
        ("LISTEN_FDS=x\0LISTEN_PID=812", False),
        ("LISTEN_PID=812", False),
    ],
)
def test_sockets_that_were_passed_to_this_process_count(
    environment: str, *, activated: bool, tmp_path: Path
) -> None:
    """By either of its numbers; one that only inherited the names was not activated."""
    host = WhyHost(tmp_path)
    host.process(812, cgroup=NPMP, environment=environment)
    assert host.why()["unit"]["activated"] is activated


def test_nothing_of_the_environment_is_told(tmp_path: Path) -> None:
    """It holds secrets."""
    host = WhyHost(tmp_path)
    host.process(812, cgroup=NPMP, environment="LISTEN_FDS=1\0LISTEN_PID=812\0TOKEN=hunter2")
    told = json.dumps(host.explain(812))
    assert "hunter2" not in told
    assert "LISTEN_FDS" not in told


def test_an_activation_without_a_socket_unit_says_so(tmp_path: Path) -> None:
    """The unit may be gone, or made on the fly."""
    host = WhyHost(tmp_path)
    host.process(812, cgroup=NPMP, environment="LISTEN_FDS=1\0LISTEN_PID=812")
    assert "no socket unit was found that starts npmp.service" in host.why()["missing"]


def test_systemd_itself_names_the_sockets_it_listens_for(tmp_path: Path) -> None:
    """Those with a port; drop-ins add and clear, the administrator's file goes first."""
    host = WhyHost(tmp_path)
    units(
        host,
        npmp=LISTENS,
        bus="[Socket]\nListenStream=/run/bus.sock\n",
        cleared=LISTENS,
        masked=LISTENS,
        overridden=LISTENS,
    )
    base = "root/etc/systemd/system"
    host.put(f"{base}/npmp.socket.d/more.conf", "[Socket]\nListenDatagram=[::1]:610\n")
    host.put(f"{base}/cleared.socket.d/none.conf", "[Socket]\nListenStream=\n")
    host.put(f"{base}/overridden.socket", "[Socket]\nListenStream=192.0.2.1:611\nService=x.service")
    host.link(f"{base}/masked.socket", "/dev/null")
    assert host.why(1)["sockets"] == [
        {"name": "npmp.socket", "listens": ["609", "[::1]:610"], "service": "npmp.service"},
        {"name": "overridden.socket", "listens": ["192.0.2.1:611"], "service": "x.service"},
    ]


def test_an_instance_belongs_to_the_socket_of_its_template(tmp_path: Path) -> None:
    """``Accept=yes`` starts ``telnet@1.service`` for a connection."""
    units(WhyHost(tmp_path), telnet="[Socket]\nListenStream=23\nAccept=yes\n")
    found = socket_units(str(tmp_path / "root"))
    assert socket_of(found, "telnet@1-192.0.2.1:5.service") == "telnet.socket"
    assert socket_of(found, "telnetd.service") == ""
