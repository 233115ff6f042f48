"""Where a sub-address leads: mail to ``user+lists@`` goes into the folder ``lists`` of a mailbox that wants it so."""

from collections.abc import Sequence

from mailroom.folder_names import INBOX, folder_name


def folder_of_tags(tags: Sequence[str | None]) -> str:
    """Return the folder for one copy that all these recipients' tags ask for; ``None`` is a recipient without a tag.

    The first tag decides, unless a recipient wrote to the mailbox itself, or a tag cannot name a folder: then it is the
    INBOX. So it is for a folder that the mailbox does not have, which the writer finds out (``optional_folder``).
    """
    folders = [folder_name(tag) if tag else None for tag in tags]
    return folders[0] or INBOX if all(folders) else INBOX
