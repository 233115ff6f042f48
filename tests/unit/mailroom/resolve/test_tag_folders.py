"""Where a sub-address leads."""

import pytest
from mailroom.resolve.tag_folders import folder_of_tags


@pytest.mark.parametrize(
    ("tags", "folder"),
    [
        (["lists"], "lists"),
        (["lists", "other"], "lists"),
        (["lists", None], "INBOX"),
        ([None], "INBOX"),
        ([""], "INBOX"),
        (["inbox"], "INBOX"),
        (["a..b", "lists"], "INBOX"),
        (["Ünï/b"], "Ünï/b"),
    ],
)
def test_folder_of_tags(tags: list[str | None], folder: str) -> None:
    assert folder_of_tags(tags) == folder
