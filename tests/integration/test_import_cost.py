"""The command line starts at once: what it must not import is a list, not a stopwatch."""

import subprocess
import sys

from support.for_each import for_each
from support.imported import imported

NEVER_IMPORTED = {"pydantic", "rich", "yaml", "jinja2", "msgspec", "click", "asyncio"}
HEAVY = {"pydantic", "rich", "asyncssh", "yaml", "jinja2", "thrift", "msgspec", "osquery", "psutil"}


@for_each("args", [["--help"], ["--version"], ["-h"]])
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    """``portproof --help`` imports none of the libraries only a command needs."""
    assert imported(*args) & HEAVY == set()


def test_lint_imports_only_what_it_needs() -> None:
    """``portproof lint`` reads YAML into models, and needs no rich, no template, no osquery."""
    modules = imported("lint")
    assert {"yaml", "pydantic"} <= modules
    assert modules & {"rich", "asyncssh", "jinja2", "thrift", "osquery", "psutil"} == set()


def test_an_audit_asks_for_its_inventory_before_it_imports_what_judges() -> None:
    """Ansible takes its time to read an inventory; the rest is imported meanwhile, not before."""
    code = "import sys, portproof.cli.audit; print(*{n.partition('.')[0] for n in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) & (HEAVY - {"msgspec"}) == set()


def test_list_imports_only_what_it_needs() -> None:
    """Nothing that reaches hosts or renders reports."""
    assert imported("list", "rules") & {"rich", "asyncssh", "jinja2", "thrift", "psutil"} == set()


def test_importing_the_package_loads_nothing() -> None:
    """``import portproof`` is instant."""
    code = "import sys, portproof; dir(portproof); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert {name for name in loaded if name.startswith("portproof.")} == set()
    assert loaded & (HEAVY | {"msgspec", "click"}) == set()


def test_a_lookup_imports_nothing_heavy() -> None:
    """Looking up a port is quick from a cold start, so it stays with the standard library."""
    code = (
        "import sys; from portproof.catalog.services import *; by_port(609);"
        "parse_port_query('ssh'); suggest('sshh'); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = {name.partition(".")[0] for name in done.stdout.split()}
    assert "portproof" in modules
    assert not modules & NEVER_IMPORTED
