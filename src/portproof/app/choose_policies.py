"""Choose the policies of an audit: those of ``-p``, of the inventory, or the shipped ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from portproof.app.content import content_paths, load_content, load_paths
from portproof.content.files import yaml_files
from portproof.content.load import Content
from portproof.errors import Code, ContentError, Problem, UsageError
from portproof.inventory.policies import VARIABLE, has_own, own_policies, problem_of
from portproof.model.hosts import Inventory
from portproof.text.words import many

Named = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The content to judge by.

    ``hosts`` has the hosts of each policy by the policy's id if the inventory chooses; None if
    every policy is for every host. ``notes`` explains the choice to the reader.
    """

    content: Content
    hosts: Mapping[str, frozenset[str]] | None = None
    notes: tuple[str, ...] = ()


def choose(policies: Sequence[str], inventory: Inventory) -> Choice:
    """Load the policies given, else those the inventory's variables name, else the shipped ones.

    Raises:
        ContentError: a variable names something that is not a policy.
        UsageError: a policy given is not known.
    """
    count = sum(map(has_own, inventory.hosts))
    if policies:
        text = f"{VARIABLE} of {_hosts(count)} is not used, because policies were given with -p"
        return Choice(load_content(policies), notes=(text,) if count else ())
    return _by_host(inventory) if count else Choice(load_content(()))


def _by_host(inventory: Inventory) -> Choice:
    """Choose the policies that each host names, or the shipped ones if it names none."""
    own = own_policies(inventory)
    lists: dict[Named, set[str]] = {}
    for host in inventory.hosts:
        lists.setdefault(own.get(host.name, ()), set()).add(host.name)
    paths = _paths(inventory, lists)
    content = load_paths(list(dict.fromkeys(path for each in paths.values() for path in each)))
    if len(lists) > 1:
        _refuse_waiver_files(content)
    meant = {named: _files(paths[named]) for named in lists}
    chosen = {
        loaded.model.policy: frozenset(
            name
            for named, names in lists.items()
            if Path(loaded.document.file).resolve() in meant[named]
            for name in names
        )
        for loaded in content.policies
    }
    return Choice(content, chosen, (_note(chosen, lists),))


def _refuse_waiver_files(content: Content) -> None:
    """Refuse files of waivers: they belong to no policy, so they cannot apply to some hosts only.

    Raises:
        ContentError: names every such file.
    """
    text = f"has waivers for every host, but {VARIABLE} chooses policies per host"
    advice = "move them into the policies they are for"
    files = [loaded.document.file for loaded in content.waiver_files]
    if files:
        raise ContentError(
            Problem.of_file(file, f"{text}; {advice}", Code.POLICY_CHOICE) for file in files
        )


def _paths(inventory: Inventory, lists: Mapping[Named, set[str]]) -> dict[Named, list[Path]]:
    """Return the paths of every list of policies.

    Raises:
        ContentError: one of them is not there; the error names the hosts.
    """
    paths: dict[Named, list[Path]] = {}
    problems: list[Problem] = []
    for named, names in lists.items():
        try:
            paths[named] = [_there(path) for path in content_paths(named)]
        except UsageError as error:
            hosts = [host for host in inventory.hosts if host.name in names]
            problems.append(problem_of(inventory, hosts, str(error)))
    if problems:
        raise ContentError(problems)
    return paths


def _there(path: Path) -> Path:
    try:
        path.stat()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        text = f"{path} cannot be read: {why}; paths are relative to the working folder"
        raise UsageError(text) from error
    return path


def _files(paths: Sequence[Path]) -> frozenset[Path]:
    found = (file for path in paths for file in yaml_files(path))
    return frozenset(file.resolve() for file in found if isinstance(file, Path))


def _note(chosen: Mapping[str, frozenset[str]], lists: Mapping[Named, set[str]]) -> str:
    """Return a note that says for how many hosts each policy is used."""
    told = [f"{policy} for {_hosts(len(hosts))}" for policy, hosts in sorted(chosen.items())]
    without = len(lists.get((), ()))
    rest = f"; the shipped policies for {_hosts(without)} without it" if without else ""
    return f"policies chosen by the inventory's {VARIABLE}: {', '.join(told)}{rest}"


def _hosts(count: int) -> str:
    return many(count, "host")
