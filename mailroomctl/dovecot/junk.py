"""The junk folders of a stack: its own, and those that domains and mailboxes have instead."""

from collections.abc import Iterable

from mailroom.folder_names import INBOX, folder_name
from mailroom.resolve.policy import DEFAULT_POLICY

from mailroomctl.directory.table import Item


def junk_folders(items: Iterable[Item], of_stack: str) -> list[str]:
    """Return every folder into which junk goes, the stack's first, the others in the order of the alphabet."""
    found = {str(item.get("policy", {}).get("junk_folder") or "") for item in items}
    usable = {name for one in found if (name := folder_name(one)) and name != INBOX}
    first = folder_name(of_stack) or DEFAULT_POLICY["junk_folder"]
    return [first, *sorted(usable - {first})]
