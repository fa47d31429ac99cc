"""The manual leads nowhere that is not there, and its pictures stay small."""

import re

from tests.processes import ROOT

MANUAL, IMAGES = ROOT / "docs" / "manual", ROOT / "docs" / "images"
LARGEST = 1_500_000
"""Bytes of all pictures together."""
LINK = re.compile(r"\]\(([^)#]+)\)")


def test_every_link_of_the_manual_leads_somewhere() -> None:
    for page in MANUAL.glob("*.md"):
        for target in LINK.findall(page.read_text()):
            assert (MANUAL / target).exists(), f"{page.name}: {target}"


def test_each_activity_of_the_process_has_a_page_in_the_index() -> None:
    index = (MANUAL / "README.md").read_text()
    pages = [page.name for page in MANUAL.glob("*.md") if page.name != "README.md"]
    assert sorted(name[:2] for name in pages if name[0].isdigit()) == [f"{number:02}" for number in range(1, 11)]
    assert [name for name in pages if f"({name})" not in index] == []


def test_the_pictures_are_all_shown_and_small_together() -> None:
    shown = "".join(page.read_text() for page in (*MANUAL.glob("*.md"), ROOT / "README.md"))
    pictures = list(IMAGES.glob("*"))
    assert pictures
    assert [picture.name for picture in pictures if picture.name not in shown] == []
    assert sum(picture.stat().st_size for picture in pictures) < LARGEST
