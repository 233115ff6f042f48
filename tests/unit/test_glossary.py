"""docs/glossary.md defines each term once, in the order in which one looks it up, and every status."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
ROWS = re.findall(r"^\| (.+?) \| (.+?) \|$", (DOCS / "glossary.md").read_text(), re.MULTILINE)[1:]
TERMS = [term for term, _ in ROWS]


def test_terms_stand_once_and_in_order() -> None:
    plain = [term.replace("`", "").lower() for term in TERMS]
    assert len(plain) > 50
    assert plain == sorted(set(plain))


def test_a_definition_is_a_sentence_or_two() -> None:
    for term, meaning in ROWS:
        assert meaning.endswith("."), term
        assert len(re.findall(r"\.(?= |$)", meaning)) <= 2, term


def test_every_status_is_defined() -> None:
    architecture = (DOCS / "architecture.md").read_text()
    table = architecture.split("\n| status | what it says |")[1].split("\n\n")[0]
    statuses = set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE))
    assert len(statuses) > 5
    assert statuses <= set(re.findall(r"`([A-Z_]+)`", " ".join(TERMS)))
