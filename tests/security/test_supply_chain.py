"""What is installed is what was locked, and what ships is listed with its licence."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers/storekey/requirements.txt"
LOCKS = sorted([LAYER, *(ROOT / "requirements").glob("*.txt")])
SBOM: dict[str, Any] = json.loads((ROOT / "docs/sbom.json").read_text())
# Those that ask for no more than their notice; MPL-2.0 asks for the source of its own files, which ship as source.
TAKEN = {"MIT", "MIT-0", "BSD-3-Clause", "Apache-2.0", "PSF-2.0", "MPL-2.0"}


def locked(lock: Path) -> dict[str, str]:
    """The versions of a lock by normalised names."""
    lines = [line for line in lock.read_text().splitlines() if not line.startswith(" ")]
    found = [re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[a-z0-9,-]+\])?==(\S+)( ; .*)? \\", line) for line in lines]
    assert lines and None not in found, f"{lock.name} names what is not pinned: {lines[found.index(None)]}"
    return {name(match[1]): match[2] for match in found if match}


def name(given: str) -> str:
    return re.sub(r"[-_.]+", "-", given).lower()


def licences(component: dict[str, Any]) -> set[str]:
    return {each["license"]["id"] for each in component["licenses"] if "id" in each["license"]}


def table() -> dict[str, tuple[str, set[str]]]:
    rows = re.findall(r"^\| ([a-z0-9-]+) \| ([0-9.]+) \| ([^|]+) \|", (ROOT / "docs/licences.md").read_text(), re.M)
    return {package: (version, set(licence.split(", "))) for package, version, licence in rows}


SHIPPED = locked(LAYER)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_is_pinned_and_known_by_its_hashes(lock: Path) -> None:
    blocks = re.split(r"\n(?=\S)", lock.read_text().strip())
    assert locked(lock)
    assert [block for block in blocks if not re.search(r"--hash=sha256:[0-9a-f]{64}", block)] == []
    assert "://" not in lock.read_text(), "an address instead of a package of the index"


def test_nothing_is_installed_but_by_its_hash() -> None:
    recipes = [(ROOT / path).read_text().replace("\\\n", " ") for path in ("Makefile", "layers/storekey/Makefile")]
    installs = [line for recipe in recipes for line in recipe.splitlines() if re.search(r"\bpip\b.* install ", line)]
    assert len(installs) == 3
    assert [line for line in installs if "--require-hashes" not in line or "--no-deps" not in line] == []
    assert "--only-binary=:all:" in installs[-1], "no package's own code runs when the layer is built"


def test_what_ships_is_what_the_tests_run_with() -> None:
    assert SHIPPED.items() <= locked(ROOT / "requirements/dev.txt").items()


def test_the_list_of_what_ships_is_that_of_the_lock() -> None:
    listed = {name(each["name"]): each["version"] for each in SBOM["components"]}
    assert listed == SHIPPED, "make sbom"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    root = SBOM["metadata"]["component"]
    assert (root["name"], root["version"]) == (project["name"], project["version"]), "make sbom"
    assert SBOM["bomFormat"] == "CycloneDX"


def test_the_licences_are_listed_as_the_packages_declare_them_and_may_be_shipped() -> None:
    listed = {name(each["name"]): (each["version"], licences(each)) for each in SBOM["components"]}
    assert table() == listed
    for package, (_, told) in listed.items():
        facts = metadata(package).json
        declared = facts.get("license_expression") or facts.get("license")
        assert declared in told <= TAKEN, package


def test_nothing_that_ships_records_calls() -> None:
    """Powertools' tracer needs the X-Ray SDK, which would put addresses and errors of calls into traces."""
    assert not SHIPPED.keys() & {"aws-xray-sdk", "opentelemetry-api", "ddtrace", "wrapt"}
