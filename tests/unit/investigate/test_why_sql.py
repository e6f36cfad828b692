"""Who is behind a process, asked in osquery's SQL: the questions, and what answers come to."""

from portproof.model.observation import Platform
from portproof.model.why import OnDisk, Package, Unit
from support.for_each import for_each
from support.investigate.whysql import HOST_NAMESPACES, ID, LINUX, SHA, ask, with_process
from support.standins.schema import Rows, Value


def test_everything_about_a_packaged_service() -> None:
    """Process, parents, file, hash, package with its time, unit and the socket that started it."""
    (why,) = ask(Platform.LINUX, LINUX, 812)[0].values()
    assert (why.process.user, why.process.uid, why.process.started) == ("www-data", 33, 1700000000)
    assert why.process.cwd == "/srv"
    assert [(each.pid, each.name) for each in why.parents] == [(1, "systemd")]
    file = why.executable
    assert file is not None
    assert (file.path, file.on_disk, file.sha256) == ("/usr/sbin/npmp", OnDisk.THERE, SHA)
    assert (file.modified, file.size, file.owner) == (1600000000, 4096, 0)
    assert file.world_writable is False
    assert why.package == Package("dpkg", "npmp", "1.0-2", "/sbin/npmp", installed=1650000000)
    assert why.unit == Unit("npmp.service", activated=True, socket="npmp.socket")
    assert [text for text in why.missing if "terminal" not in text] == []


def test_nothing_is_asked_without_a_constraint_but_how_many_packages_there_are() -> None:
    """Each question names the processes, paths, users or packages it is about."""
    _, said = ask(Platform.LINUX, LINUX, 812)
    free = [sql for sql in said if " WHERE " not in sql]
    assert free == [
        "SELECT count(*) AS packages FROM deb_packages",
        "SELECT count(*) AS packages FROM rpm_packages",
    ]
    assert not any("JOIN" in sql for sql in said)


def test_without_processes_nothing_is_asked() -> None:
    """An empty list costs nothing."""
    assert ask(Platform.LINUX, LINUX) == ({}, [])


def test_a_process_that_ended_is_not_there() -> None:
    """No row, no answer: who asked says so."""
    assert ask(Platform.LINUX, LINUX, 999)[0] == {}


@for_each(
    ("mode", "world"), [("0777", True), ("0775", False), ("", None), ("rwx", None), ("4757", True)]
)
def test_world_writable_is_read_from_the_mode(mode: str, world: bool | None) -> None:
    """A mode that makes no sense says nothing."""
    rows = {**LINUX, "file": [{"path": "/usr/sbin/npmp", "mode": mode}]}
    file = ask(Platform.LINUX, rows, 812)[0][812].executable
    assert file is not None
    assert file.world_writable is world


@for_each(
    ("rows", "fate"),
    [
        (with_process(on_disk=0), OnDisk.REPLACED),
        ({**with_process(on_disk=0), "file": []}, OnDisk.DELETED),
        (with_process(on_disk=-1), OnDisk.UNKNOWN),
        (with_process(on_disk=0, path="/memfd:x"), OnDisk.MEMORY),
    ],
)
def test_what_is_at_the_path_is_not_what_runs(rows: Rows, fate: OnDisk) -> None:
    """A file that came after the one that runs is neither hashed nor described."""
    found, said = ask(Platform.LINUX, rows, 812)
    file = found[812].executable
    assert file is not None
    assert (file.on_disk, file.sha256, file.size) == (fate, "", None)
    assert not any(" hash " in sql for sql in said)


def test_an_unreadable_file_table_leaves_open_what_happened_to_a_program() -> None:
    """Deleted is only said when nothing was seen at the path."""
    found, _ = ask(Platform.LINUX, with_process(on_disk=0), 812, failing={"why-files": "no file"})
    file = found[812].executable
    assert file is not None
    assert file.on_disk is OnDisk.UNKNOWN
    assert "the facts about its file could not be found: no file" in found[812].missing


def test_a_program_that_no_package_owns() -> None:
    """Managers count only if they have packages here, and answered."""
    rows = {**LINUX, "deb_package_files": []}
    assert ask(Platform.LINUX, rows, 812)[0][812].unowned_by == ("dpkg",)
    empty = {**rows, "deb_packages": []}
    why = ask(Platform.LINUX, empty, 812)[0][812]
    assert why.unowned_by == ()
    assert "osquery knows of no deb or rpm package here" in " ".join(why.missing)


@for_each("question", ["why-deb-files", "why-deb-count"])
def test_a_package_table_that_is_not_there_says_nothing_of_owners(question: str) -> None:
    """An older osquery has no deb_package_files; a program is not unpackaged for that."""
    rows = {**LINUX, "deb_package_files": []}
    failing = {question: "no such table"}
    why = ask(Platform.LINUX, rows, 812, failing=failing)[0][812]
    assert (why.package, why.unowned_by) == (None, ())
    assert any("no such table" in text for text in why.missing)


@for_each(("digest", "unchanged"), [(SHA, True), ("cd" * 32, False), ("ab", None)])
def test_an_rpm_tells_whether_its_file_is_unchanged(digest: str, unchanged: bool | None) -> None:
    """By the hash it came with, where that is a SHA-256 too."""
    rows: Rows = {
        **{name: rows for name, rows in LINUX.items() if not name.startswith("deb")},
        "rpm_package_files": [{"package": "npmp", "path": "/usr/sbin/npmp", "sha256": digest}],
        "rpm_packages": [
            {"name": "npmp", "version": "1.0", "release": "2.el9", "install_time": 1650000000}
        ],
    }
    why = ask(Platform.LINUX, rows, 812)[0][812]
    assert why.package == Package(
        "rpm", "npmp", "1.0-2.el9", "/usr/sbin/npmp", installed=1650000000, unchanged=unchanged
    )


def test_a_containers_files_are_not_looked_for_on_the_host() -> None:
    """Its path means another file there; the container and its image are told instead."""
    rows: Rows = {
        **with_process(cgroup_path=f"/system.slice/docker-{ID}.scope"),
        "docker_containers": [{"id": ID, "name": "/web", "image": "shop:1"}],
    }
    found, said = ask(Platform.LINUX, rows, 812)
    why = found[812]
    assert why.container is not None
    assert (why.container.runtime, why.container.name, why.container.image) == (
        "docker",
        "web",
        "shop:1",
    )
    assert (why.package, why.unowned_by, why.unit) == (None, (), None)
    assert not any("/usr/sbin/npmp" in sql for sql in said)
    assert "they are in a container" in " ".join(why.missing)


@for_each(
    ("namespaces", "contained"),
    [
        ({"mnt_namespace": "5", "pid_namespace": "6"}, True),
        ({"mnt_namespace": "5", "pid_namespace": HOST_NAMESPACES["pid_namespace"]}, False),
    ],
)
def test_namespaces_tell_a_container_where_the_group_does_not(
    namespaces: dict[str, str], contained: bool
) -> None:
    """Files and processes of its own make one; a service with a private /tmp is none."""
    own: dict[str, Value] = {"pid": 812, **namespaces}
    spaces = [LINUX["process_namespaces"][0], own]
    rows: Rows = {**LINUX, "process_namespaces": spaces}
    assert (ask(Platform.LINUX, rows, 812)[0][812].container is not None) is contained


def test_files_are_not_asked_about_while_nobody_knows_whose_they_are() -> None:
    """Neither group nor namespaces are known, so the path may be a container's."""
    failing = {"why-cgroups": "no such column", "why-namespaces": "no such table"}
    found, said = ask(Platform.LINUX, LINUX, 812, failing=failing)
    assert not any("/usr/sbin/npmp" in sql for sql in said)
    assert "not known whether it is in a container" in " ".join(found[812].missing)


def test_parents_are_followed_four_levels_and_no_further() -> None:
    """One question a level; what is left out is said, and a loop ends."""
    processes: list[dict[str, Value]] = [
        {"pid": pid, "name": f"p{pid}", "path": f"/bin/p{pid}", "parent": pid + 1}
        for pid in range(10, 30)
    ]
    found, said = ask(Platform.LINUX, {"processes": processes}, 10)
    assert [each.pid for each in found[10].parents] == [11, 12, 13, 14]
    assert "more than 4 parents are not followed" in found[10].missing
    assert sum("on_disk, parent" in sql for sql in said) == 5
    loop = [{"pid": 10, "parent": 11}, {"pid": 11, "parent": 10}]
    (why,) = ask(Platform.LINUX, {"processes": loop}, 10)[0].values()
    assert [each.pid for each in why.parents] == [11]


def test_a_chain_that_breaks_says_so() -> None:
    """The parents that were found stay."""
    processes = [{"pid": pid, "parent": pid + 1} for pid in (10, 11, 12)]
    failing = {"why-processes-2": "osqueryd did not answer within 30 seconds"}
    why = ask(Platform.LINUX, {"processes": processes}, 10, failing=failing)[0][10]
    assert [each.pid for each in why.parents] == [11]
    assert "its chain of parents is incomplete: osqueryd did not answer" in " ".join(why.missing)


HOSTILE = "/srv/';DROP TABLE processes;--\n;\n\\ \" %_ü"


def test_a_hostile_path_is_a_text_in_every_question() -> None:
    """Quotes, statements and wildcards in it find exactly that path."""
    rows: Rows = {
        **with_process(path=HOSTILE),
        "hash": [{"path": HOSTILE, "sha256": SHA}, {"path": "/srv/x", "sha256": "no"}],
        "file": [{"path": HOSTILE, "size": 7}],
    }
    file = ask(Platform.LINUX, rows, 812)[0][812].executable
    assert file is not None
    assert (file.path, file.sha256, file.size) == (HOSTILE, SHA, 7)


def test_names_that_hosts_give_get_into_no_question_unless_they_are_plain() -> None:
    """A package or unit with quotes in its name is not asked about."""
    rows: Rows = {
        **with_process(cgroup_path="/system.slice/x' OR 1.service"),
        "deb_package_files": [{"package": "a' OR '1", "path": "/usr/sbin/npmp"}],
    }
    found, said = ask(Platform.LINUX, rows, 812)
    assert not any(" OR " in sql for sql in said)
    assert found[812].package == Package("dpkg", "a' OR '1", "", "/usr/sbin/npmp")


MAC: Rows = {
    "processes": [
        {"pid": 90, "name": "npmp", "path": "/opt/n/npmp", "on_disk": 1, "parent": 1, "uid": 0},
        {"pid": 1, "name": "launchd", "path": "/sbin/launchd"},
    ],
    "file": [{"path": "/opt/n/npmp", "mode": "0755"}],
    "signature": [
        {
            "path": "/opt/n/npmp",
            "hash_resources": 0,
            "arch": arch,
            "signed": signed,
            "authority": "Developer ID",
        }
        for arch, signed in (("x86_64", 1), ("arm64", 1))
    ],
    "launchd": [
        {"label": "org.other", "program_arguments": "/opt/n/npmpd -x"},
        {"label": "org.npmp", "program_arguments": "/opt/n/npmp -d"},
    ],
}


def test_a_mac_tells_signature_and_job() -> None:
    """The job is found by its program or by its arguments; every architecture must be signed."""
    why = ask(Platform.MACOS, MAC, 90)[0][90]
    assert why.launchd == "org.npmp"
    assert why.signature is not None
    assert (why.signature.good, why.signature.signer) == (True, "Developer ID")
    by_program = {**MAC, "launchd": [{"label": "org.program", "program": "/opt/n/npmp"}]}
    assert ask(Platform.MACOS, by_program, 90)[0][90].launchd == "org.program"
    half = [dict(row, signed=at) for at, row in enumerate(MAC["signature"])]
    signature = ask(Platform.MACOS, {**MAC, "signature": half}, 90)[0][90].signature
    assert signature is not None
    assert (signature.good, signature.result) == (False, "not signed")


def test_windows_tells_services_and_signature() -> None:
    """All services of the process, and no mode that would mean something else there."""
    path = "C:\\Windows\\svchost.exe"
    rows: Rows = {
        "processes": [{"pid": 4, "name": "svchost.exe", "path": path, "on_disk": 1, "uid": 18}],
        "file": [{"path": path, "mode": "0777"}],
        "services": [
            {"name": "one", "display_name": "The one", "user_account": "LocalSystem", "pid": 4},
            {"name": "two", "pid": 4},
            {"name": "other", "pid": 5},
        ],
        "authenticode": [{"path": path, "result": "trusted", "subject_name": "Microsoft"}],
    }
    why = ask(Platform.WINDOWS, rows, 4)[0][4]
    assert [service.name for service in why.services] == ["one", "two"]
    assert why.signature is not None
    assert (why.signature.good, why.signature.signer) == (True, "Microsoft")
    assert why.executable is not None
    assert why.executable.world_writable is None
