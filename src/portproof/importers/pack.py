"""Read osquery's packs and configurations.

Facts of the form: osquery/osquery, ``osquery/config/packs.cpp`` and ``config.cpp``. A pack does not
say which answer is right, so its queries become checks and nothing else.
"""

from pathlib import Path
from typing import Final, NamedTuple

from portproof.content.document import KeyPath, YamlDocument
from portproof.errors import Code, ContentError, Problem
from portproof.importers.documents import read_regular
from portproof.importers.fields import (
    EVERYWHERE,
    Fields,
    fields_at,
    items_of,
    value_at,
)
from portproof.importers.items import ImportedItem, ImportedItems
from portproof.importers.relaxed_json import parse_json
from portproof.model.observation import Platform

_NO_PACK: Final = "is neither a pack nor a configuration: it has no queries, packs or schedule"


def read_pack(file: Path) -> ImportedItems:
    """Read every query of a pack, or of the packs and the schedule of a configuration.

    Raises:
        ContentError: the file cannot be read, is not JSON as osquery takes it, or has a key twice.
    """
    data = read_regular(file)
    if isinstance(data, Problem):
        raise ContentError([data])
    document = parse_json(str(file), data)
    if document.problems:
        raise ContentError(document.problems)
    reader = _PackReader(document)
    reader.whole(file.stem)
    return reader.found


class _Limits(NamedTuple):
    """Where the queries of a pack run."""

    platforms: tuple[Platform, ...] = EVERYWHERE
    version: str | None = None

    def within(self, around: "_Limits") -> "_Limits":
        """Combine both limits: the common platforms, and the later version."""
        versions = sorted(filter(None, (self.version, around.version)), key=_by_number)
        common = tuple(each for each in self.platforms if each in around.platforms)
        return _Limits(common, versions[-1] if versions else None)


def _by_number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


class _PackReader:
    def __init__(self, document: YamlDocument) -> None:
        self.found = ImportedItems()
        self._document = document

    def whole(self, name: str) -> None:
        """Read the whole file; ``name`` is the name of a pack that fills it."""
        fields = self._fields(())
        if fields is None:
            return
        if fields.has("queries"):
            self._pack(fields, name)
        elif fields.has("packs") or fields.has("schedule"):
            self._configuration(fields)
        else:
            fields.tell((), _NO_PACK)

    def _fields(self, path: KeyPath) -> Fields | None:
        return fields_at(self._document, path, self.found.told)

    def _tell(self, path: KeyPath, message: str) -> None:
        self.found.told.append(self._document.problem(path, message, Code.NOT_IMPORTED))

    def _configuration(self, fields: Fields) -> None:
        if fields.take("schedule") is not None:
            self._queries(("schedule",), "", _Limits())
        packs = self._fields(("packs",)) if fields.take("packs") is not None else None
        fields.tell_rest()
        for name in packs.names() if packs else ():
            if isinstance(value_at(self._document, ("packs", name)), str):
                self._tell(("packs", name), "is in a file of its own; import that file")
            elif pack := self._fields(("packs", name)):
                self._pack(pack, name)

    def _pack(self, fields: Fields, name: str) -> None:
        discovery, queries = fields.take("discovery"), fields.take("queries")
        limits = _limits(fields)
        fields.tell_rest()
        if discovery is not None:
            self._discovery((*fields.path, "discovery"))
        if queries is None:
            fields.tell((), "has no queries; left out")
        else:
            self._queries((*fields.path, "queries"), name, limits)

    def _discovery(self, path: KeyPath) -> None:
        for place in items_of(self._document, path, self.found.told):
            self._tell(place, "decides where the pack runs, and is not imported")

    def _queries(self, path: KeyPath, pack: str, limits: _Limits) -> None:
        queries = self._fields(path)
        for name in queries.names() if queries else ():
            fields = self._fields((*path, name))
            item = _read_item(fields, name, pack, limits) if fields else None
            if item is not None:
                self.found.add(item)


def _limits(fields: Fields) -> _Limits:
    return _Limits(fields.platforms("platform"), fields.version("version"))


def _read_item(fields: Fields, name: str, pack: str, around: _Limits) -> ImportedItem | None:
    sql = fields.text("query")
    if sql is None:
        fields.tell((), "has no query; left out")
        return None
    limits = _limits(fields).within(around)
    reasons = (fields.text("description"), fields.text("value"))
    item = ImportedItem(
        document=fields.document,
        path=fields.path,
        name=f"{pack} {name}",
        title=" ".join((f"{name} (pack {pack})" if pack else name).split()) or "without a name",
        sql=sql,
        platforms=limits.platforms,
        because="\n".join(filter(None, reasons)) or None,
        min_osquery=limits.version,
    )
    fields.tell_rest()
    return item
