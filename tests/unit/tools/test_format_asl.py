"""The layout of workflow files: lines filled, no value changed, one line that says what is wrong with a bad file."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.format_asl import WIDTH, formatted, main

LONG = "x" * 90
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=200),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=9), inner, max_size=8),
)


def layout(value: object) -> list[str]:
    return formatted(json.dumps(value)).splitlines()


def test_what_fits_into_a_line_stands_on_one() -> None:
    assert layout({"A": {"Type": "Pass", "End": True}, "B": [], "C": {}}) == [
        '{ "A": { "Type": "Pass", "End": true }, "B": [], "C": {} }'
    ]


def test_short_values_share_lines_and_objects_begin_them() -> None:
    assert layout(
        {"Type": "Task", "Timeout": 3, "Key": {"S": "a"}, "Names": [LONG, "b"], "Next": "C", "End": False}
    ) == [
        "{",
        '  "Type": "Task", "Timeout": 3,',
        '  "Key": { "S": "a" },',
        f'  "Names": ["{LONG}", "b"],',
        '  "Next": "C", "End": false',
        "}",
    ]


def test_a_long_list_is_filled() -> None:
    names = [f"Service.Error{n:02}" for n in range(9)]
    assert layout({"ErrorEquals": names}) == [
        "{",
        '  "ErrorEquals": [',
        f"    {', '.join(json.dumps(name) for name in names[:6])},",
        f"    {', '.join(json.dumps(name) for name in names[6:])}",
        "  ]",
        "}",
    ]


def test_a_comment_has_a_line_to_itself() -> None:
    assert layout({"Type": "Wait", "Comment": LONG, "Next": "A"}) == [
        "{",
        '  "Type": "Wait",',
        f'  "Comment": "{LONG}",',
        '  "Next": "A"',
        "}",
    ]


@pytest.mark.parametrize(("length", "lines"), [(WIDTH - 10, 1), (WIDTH - 9, 3)])
def test_a_line_holds_exactly_the_width(length: int, lines: int) -> None:
    """Around the text stand ten characters: brackets, blanks, the key, quotes."""
    assert len(layout({"": "x" * (length)})) == lines


@given(JSON)
def test_the_value_stays_and_a_second_time_changes_nothing(value: object) -> None:
    once = formatted(json.dumps(value))
    assert json.loads(once) == value
    assert list(map(str, _keys(json.loads(once)))) == list(map(str, _keys(value))), "in the same order"
    assert formatted(once) == once


@given(JSON)
def test_only_what_cannot_be_divided_is_wider(value: object) -> None:
    for line in layout(value):
        if len(line) > WIDTH:
            own = line.strip(" ").removesuffix(",")
            try:
                single = json.loads(own)
            except ValueError:
                ((_, single),) = json.loads(f"{{{own}}}").items()
            assert not single or not isinstance(single, dict | list)


def _keys(value: object) -> list[object]:
    if isinstance(value, dict):
        return [*value, *(key for item in value.values() for key in _keys(item))]
    return [key for item in value for key in _keys(item)] if isinstance(value, list) else []


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "one.asl.json"
    path.write_text('{"StartAt":\n"Größe"}')
    return path


def test_a_file_is_rewritten_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file)]) == 0
    assert file.read_text(encoding="utf-8") == '{ "StartAt": "Größe" }\n'
    assert capsys.readouterr().out == f"format_asl: {file} rewritten\n"
    assert main([str(file)]) == 0
    assert capsys.readouterr().out == ""


def test_a_check_writes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = file.read_bytes()
    assert main(["--check", str(file)]) == 1
    assert file.read_bytes() == before
    assert capsys.readouterr().err == f"format_asl: {file} is laid out otherwise; run make format\n"
    main([str(file)])
    assert main(["--check", str(file)]) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b'{"States": {"A": 1, "A": 2}}', "the key 'A' stands twice in one object"),
        (b"\xff", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
)
def test_a_bad_file_is_named_and_left_as_it_is(
    file: Path, capsys: pytest.CaptureFixture[str], text: bytes, said: str
) -> None:
    file.write_bytes(text)
    missing = file.with_name("missing.asl.json")
    assert main([str(file), str(missing)]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"format_asl: {file}: {said}"
    assert second.startswith(f"format_asl: {missing}: ")
    assert file.read_bytes() == text
