"""Every link of every page leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .pages import PAGES, ROOT, anchors, prose

LINK = re.compile(r"\]\(((?!https?:)[^)\s]+)\)")


def dead(page: Path) -> list[str]:
    """The links of a page to files, folders and headings that there are not."""
    found = []
    for link in LINK.findall(prose(page.read_text())):
        place, _, anchor = link.partition("#")
        target = page.parent / place if place else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            found.append(link)
    return found


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    assert dead(ROOT / page) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# The way back, at `night`\n")
    links = ["other.md", "other.md#the-way-back-at-night", "#here", "gone.md", "other.md#elsewhere", "#there"]
    page = tmp_path / "page.md"
    page.write_text("# Here\n" + "".join(f"[text]({link})\n" for link in [*links, "https://example.com/gone"]))
    assert dead(page) == ["gone.md", "other.md#elsewhere", "#there"]


def test_every_page_below_docs_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        places = (link.partition("#")[0] for link in LINK.findall(prose(page.read_text())))
        waiting += [path for place in places if (path := (page.parent / place).resolve()).suffix == ".md"]
    assert set(PAGES) - reached == set()
