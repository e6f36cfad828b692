"""Read Fleet's policies and queries from YAML, in the classic and in the GitOps form.

Facts of the form: fleetdm/fleet, ``pkg/spec/spec.go`` (documents with ``kind`` and ``spec``) and
``pkg/spec/gitops.go`` (lists, ``path`` and ``paths``, ``$NAME`` filled in from the environment,
``reports`` for ``queries``). A policy passes when its query returns rows
(``server/service/osquery.go``, ``ingestMembershipQuery``).
"""

import re
from pathlib import Path
from typing import Any, Final

from portproof.content.document import KeyPath, YamlDocument
from portproof.errors import Code, ContentError
from portproof.importers.fields import (
    Fields,
    fields_at,
    holds_something,
    items_of,
    kind_of,
)
from portproof.importers.includes import Includes
from portproof.importers.items import ImportedItem, ImportedItems
from portproof.text.visible import shortened

_KINDS: Final = {"policy": True, "query": False, "report": False}
"""Fleet's words for a question, and whether it is judged."""
_LISTS: Final = {"policies": True, "queries": False, "reports": False}
_YES: Final = frozenset({"true", "yes", "on", "y"})
_NO: Final = frozenset({"false", "no", "off", "n"})
"""The words for true and false: Fleet reads YAML 1.1."""
_FILLED_IN: Final = re.compile(r"\$\{?[A-Za-z_]\w*\}?")


def read_fleet(file: Path) -> ImportedItems:
    """Read every policy and query of a file and of the files it includes.

    Raises:
        ContentError: a file cannot be read, is not YAML, has a key twice, or includes itself.
    """
    reader = _FleetReader()
    for document in reader.includes.documents(file):
        reader.document(document)
    if reader.includes.problems:
        raise ContentError(reader.includes.problems)
    return reader.found


class _FleetReader:
    def __init__(self) -> None:
        self.found = ImportedItems()
        self.includes = Includes()

    def document(self, document: YamlDocument) -> None:
        """Read a document, whichever form it has."""
        value = document.value
        if isinstance(value, dict) and "kind" in value:
            self._classic(document, value)
        elif isinstance(value, dict) and value.keys() & _LISTS.keys():
            self._gitops(document, value)
        elif isinstance(value, list):
            text = (
                "is a list without a key that says what it lists; import the file that includes it"
            )
            self._tell(document, (), text)
        else:
            text = "is not a Fleet document: it has neither a kind nor policies, queries or reports"
            self._tell(document, (), text)

    def _tell(self, document: YamlDocument, path: KeyPath, message: str) -> None:
        self.found.told.append(document.problem(path, message, Code.NOT_IMPORTED, at_key=True))

    def _classic(self, document: YamlDocument, value: dict[str, Any]) -> None:
        for key in value:
            if key not in {"apiVersion", "kind", "spec"}:
                self._tell(document, (key,), "is not imported")
        kind = value["kind"] if isinstance(value["kind"], str) else kind_of(value["kind"])
        if kind.lower() not in _KINDS:
            self._tell(document, ("kind",), f"{kind[:40]} is not imported")
        elif "spec" not in value:
            self._tell(document, (), "has no spec; left out")
        else:
            self._item(document, ("spec",), judged=_KINDS[kind.lower()])

    def _gitops(self, document: YamlDocument, value: dict[str, Any]) -> None:
        for key, part in value.items():
            if key in _LISTS:
                self._list(document, (key,), judged=_LISTS[key])
            elif holds_something(part):
                self._tell(document, (key,), "is not imported")

    def _list(self, document: YamlDocument, path: KeyPath, *, judged: bool) -> None:
        for place in items_of(document, path, self.found.told):
            fields = fields_at(document, place, self.found.told)
            if fields is None:
                continue
            if fields.has("path") or fields.has("paths"):
                for included in self.includes.named_by(fields):
                    self._list(included, (), judged=judged)
                fields.tell_rest()
            else:
                self._item(document, place, judged=judged)

    def _item(self, document: YamlDocument, path: KeyPath, *, judged: bool) -> None:
        fields = fields_at(document, path, self.found.told)
        item = _read_item(fields, judged=judged) if fields else None
        if item is not None:
            self.found.add(item)


def _read_item(fields: Fields, *, judged: bool) -> ImportedItem | None:
    if fields.has("<<"):
        fields.tell(("<<",), "merges other keys in, which is not followed; left out", at_key=True)
        return None
    name, sql = fields.text("name"), fields.text("query")
    if name is None or sql is None:
        fields.tell((), f"has no {'name' if name is None else 'query'}; left out")
        return None
    filled_in = _FILLED_IN.search(sql)
    if filled_in:
        text = f"{shortened(name, 60)!r} holds {filled_in[0][:40]}, which Fleet fills in; left out"
        fields.tell((), text)
        return None
    item = ImportedItem(
        document=fields.document,
        path=fields.path,
        name=name,
        title=" ".join(name.split()),
        sql=sql,
        judged=judged,
        platforms=fields.platforms("platform"),
        because=fields.text("description"),
        fix=fields.text("resolution") if judged else None,
        critical=judged and _is_critical(fields),
        min_osquery=None if judged else fields.version("min_osquery_version"),
    )
    fields.tell_rest()
    return item


def _is_critical(fields: Fields) -> bool:
    value = fields.take("critical")
    word = str(value).lower()
    if value is not None and word not in _YES | _NO:
        fields.tell(("critical",), f"must be true or false, not {kind_of(value)}")
    return word in _YES
