"""The pages for contributors name only what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md", "README.md")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text())
    assert links
    assert [link for link in links if ":" not in link and not (ROOT / link).exists()] == []


def test_named_files_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    # What is in capitals stands for a name of the reader's; the folder around it has to be there.
    folders = "docs|events|functions|layers|mailroomctl|statemachine|tests|tools"
    named = re.findall(rf"\b((?:{folders})/(?:[a-z0-9_]+/)*(?:[a-z0-9_]+(?:\.[a-z]+)+)?)", text)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_named_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:^|`)make ([a-z0-9-]+)", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE):
        assert re.search(rf"^(?:[\w-]+ )*{target}(?: [\w-]+)*:", makefile, re.MULTILINE), target
