"""Load the agent's modules on a host from the single text in which they are sent.

That text consists of this file, the source of each module, and a call of ``start``.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.machinery import ModuleSpec
    from types import ModuleType

PACKAGE = "portproof_agent"


class SourceLoader:
    """Finds and loads modules whose source is in memory.

    A module is compiled when it is imported. ``sources`` maps the name of each module to its
    source; ``__init__`` is the package itself.
    """

    def __init__(self, sources: "Mapping[str, str]") -> None:
        self.sources = {PACKAGE + "." + name: source for name, source in sources.items()}
        self.sources[PACKAGE] = self.sources.pop(PACKAGE + ".__init__")

    def find_spec(
        self, name: str, _path: object = None, _target: object = None
    ) -> "ModuleSpec | None":
        """Return the specification of a module of the agent, or None for any other."""
        if name not in self.sources:
            return None
        spec = type(sys.__spec__)  # loading importlib.machinery takes longer than this module
        return spec(name, self, origin=name, is_package=name == PACKAGE)  # type: ignore[arg-type]

    def create_module(self, _spec: object) -> None:
        """Return None: Python creates the module object."""

    def exec_module(self, module: "ModuleType") -> None:
        """Execute the source of a module in its namespace."""
        name = module.__name__
        exec(compile(self.sources[name], name, "exec"), module.__dict__)  # noqa: S102 - it came with this


def start(sources: "Mapping[str, str]") -> None:
    """Make the modules importable, and answer the request on standard input."""
    sys.meta_path.insert(0, SourceLoader(sources))
    __import__(PACKAGE + ".main")
    sys.modules[PACKAGE + ".main"].main(sys.stdin.buffer)
