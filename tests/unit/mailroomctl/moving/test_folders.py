import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailroom.folder_names import INBOX, folder_directory

from mailroomctl.errors import CommandError
from mailroomctl.moving.folders import Folders, left_out_folders, parse_folder, parse_mapping, possible


@pytest.mark.parametrize(
    ("levels", "name"),
    [
        ((), "INBOX"),
        (("inbox",), "INBOX"),
        (("Inbox", "Büro"), "INBOX/Büro"),
        (("Sent Items",), "Sent Items"),
        (("日本語", "a & b"), "日本語/a & b"),
        (("Bu\u0308ro",), "Büro"),
    ],
)
def test_names_stay_where_they_can(levels: tuple[str, ...], name: str) -> None:
    assert possible(levels) == (name, True)


@pytest.mark.parametrize(
    ("levels", "name"),
    [
        (("a.b", "c"), "a_b/c"),
        (("~root",), "_root"),
        (("a\x00b\n",), "a_b_"),
        (("a/b",), "a_b"),
        (("..", "etc", ".", ""), "etc"),
        (("..",), "INBOX"),
        (("\udcff",), "_"),
    ],
)
def test_what_a_folder_cannot_hold_is_replaced(levels: tuple[str, ...], name: str) -> None:
    assert possible(levels) == (name, False)


def test_long_names_are_cut_off_and_stay_apart() -> None:
    one, other = possible(("ü" * 300 + "1",)), possible(("ü" * 300 + "2",))
    assert one != other
    assert not one[1]
    assert len(folder_directory(one[0]) or "") <= 200


@given(st.lists(st.text()).map(tuple))
def test_every_name_becomes_one_that_can_be(levels: tuple[str, ...]) -> None:
    name, _ = possible(levels)
    assert name == INBOX or folder_directory(name)


def mapped(folders: Folders, text: str) -> str | None:
    return folders.map(parse_folder(text))


def test_folders_are_mapped_with_all_below_them() -> None:
    folders = Folders(parse_mapping(["sent items=Sent", "top=INBOX", "top/Old=Archive/2020"]), frozenset())
    assert mapped(folders, "Sent Items") == "Sent"
    assert mapped(folders, "Sent Items/Büro") == "Sent/Büro"
    assert mapped(folders, "Sent") == "Sent"
    assert mapped(folders, "top") == "INBOX"
    assert mapped(folders, "Top/Lists") == "Lists"
    assert mapped(folders, "top/Old/x") == "Archive/2020/x"
    assert folders.replaced == {}


def test_folders_are_left_out_with_all_below_them() -> None:
    folders = Folders(parse_mapping(["Trash=Gone"]), left_out_folders(["trash", "a/b"]))
    assert mapped(folders, "Trash") is None
    assert mapped(folders, "Trash/x") is None
    assert mapped(folders, "a/b/c") is None
    assert mapped(folders, "a") == "a"


def test_everything_goes_below_another_folder() -> None:
    folders = Folders(parse_mapping(["x=INBOX"]), frozenset(), ("Old", "Mail"))
    assert mapped(folders, "") == "Old/Mail"
    assert mapped(folders, "Inbox") == "Old/Mail"
    assert mapped(folders, "x") == "Old/Mail"
    assert mapped(folders, "Sent") == "Old/Mail/Sent"


def test_what_was_replaced_is_told() -> None:
    folders = Folders({}, frozenset())
    for _ in range(2):
        assert folders.map(("a.b\x1b",)) == "a_b_"
    assert folders.replaced == {"a.b?": "a_b_"}


@pytest.mark.parametrize("wrong", ["no equal sign", "=x", "x=", "/=x", "x=a.b", "x=~a"])
def test_a_wrong_mapping_is_refused(wrong: str) -> None:
    with pytest.raises(CommandError):
        parse_mapping([wrong])
