"""Makes a function of the team's own: its code, its block in the template and its test, all of them or none.

The code is that of ``sandbox/recent_orders``, which `make demo` plays; the rest lies in ``ops/templates``, as it
would be for a function of that name.
"""

from __future__ import annotations

import keyword
import os
import re
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .sources import InputError

_EXAMPLE = "recent_orders"
_EXAMPLES_SCHEDULE = "rate(1 hour)"
_TEMPLATES = Path(__file__).with_name("templates")
_BANNER = f"# {'-' * 88} your own functions\n"

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_LONGEST_NAME = 50
_FIELD = "[0-9A-Za-z*?][0-9A-Za-z*?,/#-]*"
_SCHEDULE = re.compile(
    rf"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d{{1,4}}) (minutes|hours|days))\)|cron\(({_FIELD} ){{5}}{_FIELD}\)"
)
_LOGICAL_ID = re.compile(r"^  (\w+):", re.MULTILINE)
_SECTION = re.compile(r"^(\w+):", re.MULTILINE)


@dataclass(frozen=True)
class NewFunction:
    """A function that may be made; ``schedule`` is an expression of EventBridge Scheduler, or empty.

    Raises InputError for a name or a schedule that cannot be one.
    """

    name: str
    schedule: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name) > _LONGEST_NAME:
            raise InputError(
                f"NAME: {self.name!r} is no name of a function; write small letters, digits and single underscores, a "
                f"letter first and {_LONGEST_NAME} characters at most, as in {_EXAMPLE}"
            )
        if keyword.iskeyword(self.name):
            raise InputError(f"NAME: {self.name!r} is a word of Python's own; choose another one")
        if self.schedule and not _is_schedule(self.schedule):
            raise InputError(
                f"--schedule: {self.schedule!r} is no schedule; write rate(1 hour), rate(15 minutes) or "
                "cron(0 6 ? * MON-FRI *), in UTC"
            )

    @property
    def code(self) -> str:
        """Where the code lies in a clone."""
        return f"functions/{self.name}/app.py"

    @property
    def test(self) -> str:
        """Where the test lies in a clone."""
        return f"tests/functions/test_{self.name}.py"

    @property
    def resources(self) -> list[str]:
        """The logical ids of the block in the template; the function's own is the first."""
        return _LOGICAL_ID.findall(self.block())

    def block(self) -> str:
        """Return the resources as the template has them."""
        function, log_group = self._filled("function.yaml").split("\n\n")
        if not self.schedule:
            return f"{function}\n\n{log_group}"
        event, role = self._filled("schedule.yaml").replace(_EXAMPLES_SCHEDULE, self.schedule).split("\n\n")
        return f"{function}\n{event}\n\n{log_group}\n{role}"

    def make(self, root: Path) -> None:
        """Write all of it into the clone at ``root``.

        Raises InputError where something of that name is there, and where a file cannot be written; then nothing has
        changed.
        """
        template = root / "template.yaml"
        try:
            with ExitStack() as undo:
                text = self.inserted(template.read_bytes().decode())
                folder = (root / self.code).parent
                folder.mkdir()
                undo.callback(folder.rmdir)
                _create(root / self.code, (root / "sandbox" / _EXAMPLE / "app.py").read_text(encoding="utf-8"), undo)
                _create(root / self.test, self._filled("test.py.txt"), undo)
                _replace(template, text, undo)
                undo.pop_all()
        except FileExistsError as error:
            there = Path(error.filename).relative_to(root)
            raise InputError(f"NAME: {there} is there already; choose another name, or take it away first") from error
        except OSError as error:
            where, why = error.filename or root, error.strerror
            raise InputError(
                f"{where}: cannot be read or written ({why}); mend that and try again, nothing was made"
            ) from error

    def inserted(self, template: str) -> str:
        """Return the template with the block at the end of the functions of one's own; all else stays as it is."""
        if taken := set(self.resources).intersection(_LOGICAL_ID.findall(template)):
            raise InputError(f"NAME: template.yaml has a {min(taken)} already; choose another name")
        began = template.find(_BANNER)
        following = "" if began >= 0 else "outputs$"
        end = re.compile(rf"^# -{{20,}} {following}", re.MULTILINE).search(template, began + len(_BANNER))
        if not end or _SECTION.findall(template[: end.start()])[-1:] != ["Resources"]:
            raise InputError(
                "template.yaml: nothing says where its resources end; put the line '# ---- outputs' back before Outputs"
            )
        block = f"{self.block()}\n" if began >= 0 else f"{_BANNER}\n{self.block()}\n"
        return template[: end.start()] + block + template[end.start() :]

    def _filled(self, file: str) -> str:
        words = self.name.split("_")
        text = (_TEMPLATES / file).read_text(encoding="utf-8")
        for old, new in {
            _EXAMPLE: self.name,
            _EXAMPLE.replace("_", "-"): "-".join(words),
            "RecentOrders": "".join(map(str.capitalize, words)),
        }.items():
            text = text.replace(old, new)
        return text


def _is_schedule(text: str) -> bool:
    """Tell whether EventBridge Scheduler takes it; a cron has one ?, for the days of the month or of the week."""
    return bool(_SCHEDULE.fullmatch(text)) and (text.startswith("rate") or text.count("?") == 1)


def _create(path: Path, text: str, undo: ExitStack) -> None:
    with path.open("x", encoding="utf-8") as file:
        undo.callback(path.unlink)
        file.write(text)


def _replace(path: Path, text: str, undo: ExitStack) -> None:
    """Put a text in the place of a file's, whole or not at all."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=path.parent, delete=False) as file:
        undo.callback(Path(file.name).unlink, missing_ok=True)
        file.write(text)
    shutil.copymode(path, file.name)
    os.replace(file.name, path)
