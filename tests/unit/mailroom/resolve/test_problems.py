"""What a problem says, to programs and to people."""

import re

import pytest
from mailroom.resolve.problems import SHOWN, Kind, Problem


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_permanent_code_and_a_sentence(kind: Kind) -> None:
    problem = Problem(kind, ("a@example.com",), "because")
    assert re.fullmatch(r"5\.\d\.\d", problem.code)
    assert problem.text
    assert "{" not in problem.text
    assert problem.reason == problem.text


def test_the_way_to_a_problem_stands_before_it() -> None:
    problem = Problem(Kind.DISABLED, ("a@example.com",), met_at="a+x@example.com")
    assert problem.text == "the mailbox a@example.com is disabled"
    assert problem.reason == "it leads to a+x@example.com: the mailbox a@example.com is disabled"


def test_braces_in_names_are_no_placeholders() -> None:
    problem = Problem(Kind.BROKEN_ENTRY, ("{detail}@example.com",), "its type is '{member}'")
    assert problem.text == "the directory's entry {detail}@example.com is broken: its type is '{member}'"


def test_a_loop_is_closed_in_words() -> None:
    assert Problem(Kind.LOOP, ("a", "b")).text == "aliases go round in a loop: a → b → a"


def test_a_long_loop_keeps_its_members_and_names_the_first() -> None:
    members = tuple(f"a{number}" for number in range(SHOWN + 1))
    problem = Problem(Kind.LOOP, members)
    assert problem.members == members
    assert problem.text.endswith("a10 → … → a0")
    assert "a11" not in problem.text
    assert "a11 → a0" in Problem(Kind.LOOP, members[:-1]).text


def test_only_circles_are_endless() -> None:
    assert {kind for kind in Kind if Problem(kind).endless} == {Kind.LOOP, Kind.DOMAIN_LOOP}
