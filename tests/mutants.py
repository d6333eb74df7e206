"""`make mutants`: changes the pure core in small ways, one at a time, and counts the changes that its tests notice."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from configparser import ConfigParser
from dataclasses import astuple, dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".tools" / "tmp" / "mutants"
MUTMUT = str(Path(sys.executable).with_name("mutmut"))
LEAST_PERCENT = 85
# mutmut's exit codes of a mutant: pytest's own where a test failed, and those of tests that had to be ended.
_FAILED, _ENDED = (1, 3), (-24, 24, 36, 152, 255)


@dataclass(frozen=True)
class Group:
    """Modules of the layer, and the tests that must notice their mutants: those of these modules, and no others.

    ``modules`` names the functions and methods that count, separated by spaces; none where all do.
    """

    folder: str
    modules: Mapping[str, str]
    tests: str

    def mutants(self) -> dict[str, list[str]]:
        """mutmut's names for the mutants of each module, with ``*``."""
        return {f"{self.folder}{name}": self._named(name, which) for name, which in self.modules.items()}

    def _named(self, module: str, which: str) -> list[str]:
        path = f"storekey/{self.folder}{module}".replace("/", ".")
        kinds = [f"xǁ{one.replace('.', 'ǁ')}" if "." in one else f"x_{one}" for one in which.split()]
        return [f"{path}.{kind}__mutmut_*" for kind in kinds or ["x*"]]


# The pure core: what decides without network, clock or AWS. Of a module that has those as well, what needs none.
# mutmut leaves constants, properties and other decorated functions as they are.
CORE = {
    # Text in, values or problems out: the secret, the hosts that may see it, the functions' settings.
    "secret": Group(
        "", {"_credentials": "", "_hosts": "", "_hidden": "", "_settings": ""}, "credentials hosts settings"
    ),
    # What is done with an answer, and when the next request may go.
    "calls": Group(
        "",
        {"_policy": "", "_quota": "", "_paging": "", "_cache": "", "_errors": ""},
        "policy quota paging cache errors",
    ),
    # Which label of the secret moves where, and what is said of it.
    "labels": Group(
        "",
        {
            "_promotion": "Promotion.* promote _end _make_live mark_unsettled _was_put_back _is_live _reject drop_label"
            " announcement candidate_test _verdict",
            "_rotation": "",
        },
        "promotion rotation",
    ),
    # Windows, keyset, rows, plans and manifests, and what becomes of the shared quota.
    "exports": Group(
        "exports/",
        {
            "_dates": "",
            "_routes": "",
            "_rows": "",
            "_lines": "",
            "_run": "",
            "_plan": "",
            "_proof": "",
            "_budget": "read scouted unanswered informed refused _untold",
            "_files": "PartFile.*",
            "_exporter": "Exporter._open _is_finished busy",
        },
        "run routes rows lines plan proof budget_rules files opening",
    ),
    # Who sent a delivery, of what, where its object is read, and what must be done for hooks to be right.
    "webhooks": Group(
        "webhooks/",
        {
            "_signature": "",
            "_account": "",
            "_scopes": "",
            "_delivery": "",
            "_objects": "_Data.* _variant _id_of _customer _shipment route_of",
            "_hooks": "Wanted.* plan _pages _hook _same host_of",
            "processor": "Message.* _is_final delay",
        },
        "signature account scopes delivery objects hooks sync messages",
    ),
}


@dataclass(frozen=True)
class Score:
    """How many mutants there were, how many a test noticed, and of how many the tests did not come to an end."""

    mutants: int
    noticed: int
    ended: int

    @property
    def percent(self) -> float:
        return 100 * (self.noticed + self.ended) / self.mutants


def main() -> int:
    """Try the mutants; return the exit status, 1 where too few were noticed in any module."""
    parser = argparse.ArgumentParser(prog="make mutants")
    parser.add_argument("--group", action="append", choices=CORE, help="a group of modules; all without")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many mutants are tried at a time")
    parser.add_argument("--survivors", action="store_true", help="show those that no test noticed")
    given = parser.parse_args()
    console = Console(highlight=False)
    scores: dict[str, Score] = {}
    for name in given.group or CORE:
        began, group, place = time.monotonic(), CORE[name], WORK / name
        prepare(place, group)
        mutate(place, [mutant for mutants in group.mutants().values() for mutant in mutants], given.processes)
        for module, mutants in group.mutants().items():
            codes = exit_codes(place, module, mutants)
            scores[module] = score(codes)
            if given.survivors:
                show(place, [mutant for mutant, code in codes.items() if code not in (*_FAILED, *_ENDED)])
        console.print(f"{name}: {time.monotonic() - began:.0f} s")
    console.print(table(scores))
    return int(any(one.percent < LEAST_PERCENT for one in scores.values()))


def prepare(place: Path, group: Group) -> None:
    """Lay out what mutmut needs: the package beside its tests, and settings."""
    shutil.rmtree(place, ignore_errors=True)
    for source in ("layers/storekey/storekey", "tests", "sandbox"):
        shutil.copytree(ROOT / source, place / Path(source).name, ignore=shutil.ignore_patterns("__pycache__"))
    settings = ConfigParser(interpolation=None)
    settings["mutmut"] = {
        "source_paths": "storekey",
        "only_mutate": "\n".join(f"storekey/{module}.py" for module in group.mutants()),
        "also_copy": "sandbox",
        "pytest_add_cli_args_test_selection": "\n".join(
            f"tests/layer/{group.folder}test_{name}.py" for name in group.tests.split()
        ),
        # The tests of a mutant are ended after (seconds that they took without + constant) * multiplier.
        "timeout_constant": "3",
        "timeout_multiplier": "5",
    }
    settings["tool:pytest"] = {"addopts": "-p no:cacheprovider", "filterwarnings": "error"}
    with (place / "setup.cfg").open("w") as file:
        settings.write(file)


def mutate(place: Path, mutants: Sequence[str], processes: int) -> None:
    """Have mutmut try mutants. SystemExit tells what it said where it could not."""
    command = [MUTMUT, "run", "--max-children", str(processes), *mutants]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stdout[-3_000:] + done.stderr[-3_000:])


def exit_codes(place: Path, module: str, mutants: Sequence[str]) -> dict[str, int]:
    """The exit code of the tests of each mutant that counts. SystemExit names what has none: it is called otherwise."""
    found: dict[str, int] = json.loads((place / f"mutants/storekey/{module}.py.meta").read_text())["exit_code_by_key"]
    if strange := [one for one in mutants if not any(fnmatchcase(name, one) for name in found)]:
        raise SystemExit(f"no mutants are named {', '.join(strange)}")
    return {name: code for name, code in found.items() if any(fnmatchcase(name, one) for one in mutants)}


def score(codes: Mapping[str, int]) -> Score:
    noticed, ended = (sum(code in kind for code in codes.values()) for kind in (_FAILED, _ENDED))
    return Score(len(codes), noticed, ended)


def show(place: Path, mutants: Sequence[str]) -> None:
    """Print the changes that these mutants are."""
    for mutant in mutants:
        subprocess.run([MUTMUT, "show", mutant], cwd=place, check=True)


def table(scores: Mapping[str, Score]) -> Table:
    found = Table("module", "mutants", "noticed", "without end", "survived", "%")
    together = Score(*(sum(each) for each in zip(*map(astuple, scores.values()), strict=True)))
    for module, one in [*scores.items(), ("together", together)]:
        counts = (one.mutants, one.noticed, one.ended, one.mutants - one.noticed - one.ended)
        found.add_row(module, *map(str, counts), f"{one.percent:.1f}")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
