"""The probe's table of Debian packages agrees with dpkg."""

import subprocess

import pytest

from portproof.agent.tables import collect
from support.fakeproc import rows


@pytest.mark.needs("dpkg-query")
def test_debian_packages_are_those_that_dpkg_knows() -> None:
    """Each with its version and status, and the size and section that its fields tell."""
    fields = "${Package}\t${Version}\t${Status}\t${Section}\t${Installed-Size}\n"
    told = subprocess.run(
        ["dpkg-query", "-W", "-f", fields], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    found = rows(collect(["deb_packages"]), "deb_packages")
    columns = ("name", "version", "status", "section")
    seen = ["\t".join([*[row[name] or "" for name in columns], str(row["size"])]) for row in found]
    assert sorted(seen) == sorted(told)
