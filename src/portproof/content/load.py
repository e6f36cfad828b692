"""Load policies and checks, and find all errors in them before any host is audited."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar, cast

from pydantic import BaseModel, ValidationError

from portproof.content.document import YamlDocument, parse_document, read_bytes
from portproof.content.files import files_of_tests, yaml_files
from portproof.content.problems import to_problems
from portproof.errors import Code, ContentError, Problem
from portproof.policy.checks import Check
from portproof.policy.policy import BoundRule, Policy
from portproof.policy.policy_tests import PolicyTest
from portproof.policy.waivers import BoundWaiver, Waiver, WaiverFile
from portproof.result.result import Digest

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Loaded(Generic[M]):
    """A model, the document it was read from, and the SHA-256 of the file."""

    model: M
    document: YamlDocument
    sha256: str

    @property
    def digest(self) -> Digest:
        """The hash of the file, for the report."""
        return Digest(self.document.file, self.sha256)


@dataclass(slots=True)
class Content:
    """Policies and checks in use, and everything found wrong while they were read."""

    policies: list[Loaded[Policy]] = field(default_factory=list)
    checks: list[Loaded[Check]] = field(default_factory=list)
    waiver_files: list[Loaded[WaiverFile]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def check_by_id(self) -> dict[str, Check]:
        """Return the checks by the id rules refer to."""
        return {loaded.model.check: loaded.model for loaded in self.checks}

    def policy_digests(self) -> tuple[Digest, ...]:
        """Return the identity of every file that decides what must hold: policies and waivers."""
        policies = [loaded.digest for loaded in self.policies]
        return (*policies, *(loaded.digest for loaded in self.waiver_files))

    def rules(self) -> tuple[BoundRule, ...]:
        """Return every rule in order, with where it is written."""
        return tuple(
            BoundRule(loaded.model, rule, loaded.document.file, _line(loaded.document, index))
            for loaded in self.policies
            for index, rule in enumerate(loaded.model.rules)
        )

    def waivers(self) -> tuple[BoundWaiver, ...]:
        """Return every waiver with the rule it is for and where it is written."""
        in_policies = (
            _bound(waiver, loaded, index, f"{loaded.model.policy}/")
            for loaded in self.policies
            for index, waiver in enumerate(loaded.model.waivers)
        )
        in_files = (
            _bound(waiver, loaded, index, "")
            for loaded in self.waiver_files
            for index, waiver in enumerate(loaded.model.waivers)
        )
        return (*in_policies, *in_files)

    def raise_problems(self) -> None:
        """Raise an error if the content is wrong.

        Raises:
            ContentError: holds every problem.
        """
        if self.problems:
            raise ContentError(self.problems)


def load(policies: Sequence[Path], checks: Sequence[Path]) -> Content:
    """Read every policy and check of the paths. Problems are in the result, not raised."""
    content = Content()
    files = (found for path in policies for found in yaml_files(path))
    for loaded in _read_all(files, _policy_or_waivers, content.problems):
        if isinstance(loaded.model, WaiverFile):
            content.waiver_files.append(cast("Loaded[WaiverFile]", loaded))
        else:
            content.policies.append(cast("Loaded[Policy]", loaded))
    check_files = (found for path in checks for found in yaml_files(path))
    content.checks = list(_read_all(check_files, lambda _: Check, content.problems))
    for path in policies:
        content.problems.extend(_nothing_in(path, content))
    return content


def load_tests(policies: Sequence[Path], problems: list[Problem]) -> list[Loaded[PolicyTest]]:
    """Read the tests beside policies; add what is wrong with them to ``problems``."""
    files = (found for path in policies for found in files_of_tests(path))
    return list(_read_all(files, lambda _: PolicyTest, problems))


def beside(policy: Path) -> Path | None:
    """Return the folder ``checks`` beside the folder of a policy path, if there is one."""
    folder = policy if policy.is_dir() else policy.parent
    checks = folder.resolve().parent / "checks"
    return checks if checks.is_dir() else None


def _line(document: YamlDocument, rule: int) -> int:
    return document.place(("rules", rule))[0]


def _policy_or_waivers(document: YamlDocument) -> type[BaseModel]:
    value = document.value
    only_waivers = isinstance(value, dict) and "waivers" in value and "policy" not in value
    return WaiverFile if only_waivers else Policy


def _bound(
    waiver: Waiver, loaded: Loaded[Policy] | Loaded[WaiverFile], index: int, policy: str
) -> BoundWaiver:
    rule = waiver.rule if "/" in waiver.rule else f"{policy}{waiver.rule}"
    line = loaded.document.place(("waivers", index))[0]
    return BoundWaiver(waiver, rule, loaded.document.file, line, index)


def _read_all(
    files: Iterable[Path | Problem],
    choose: Callable[[YamlDocument], type[M]],
    problems: list[Problem],
) -> Iterator[Loaded[M]]:
    seen: set[Path] = set()
    for found in files:
        if isinstance(found, Problem):
            problems.append(found)
        elif found.resolve() not in seen:
            seen.add(found.resolve())
            yield from _read(found, choose, problems)


def _read(
    file: Path, choose: Callable[[YamlDocument], type[M]], problems: list[Problem]
) -> Iterator[Loaded[M]]:
    data = read_bytes(file)
    if isinstance(data, Problem):
        problems.append(data)
        return
    document = parse_document(str(file), data)
    problems.extend(document.problems)
    if document.value is None:
        return
    model = choose(document)
    try:
        value = model.model_validate(document.value)
    except ValidationError as error:
        problems.extend(to_problems(error, document, model))
        return
    yield Loaded(value, document, hashlib.sha256(data).hexdigest())


def _nothing_in(path: Path, content: Content) -> Iterator[Problem]:
    """Report a folder without policies: it would prove nothing."""
    inside = any(_is_under(Path(loaded.document.file), path) for loaded in content.policies)
    wrong = any(_is_under(Path(problem.file), path) for problem in content.problems)
    if not inside and not wrong:
        yield Problem.of_file(path, "has no policies; a policy is a file *.yml", Code.EMPTY)


def _is_under(file: Path, path: Path) -> bool:
    return file == path or path in file.parents
