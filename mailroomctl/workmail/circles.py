"""Groups that are members of one another: the directory has no circles, and everybody in one gets the same mail."""

from collections.abc import Iterable, Mapping

from mailroomctl.workmail.organisation import Group, Member


def members_without_circles(groups: Iterable[Group]) -> dict[str, list[Member]]:
    """Return each group's members, by the group's id.

    Groups in a circle have the members of all that are in it, but no group of it.
    """
    by_id = {group.Id: group for group in groups}
    inside = {one: [member.Id for member in group.Members if member.Id in by_id] for one, group in by_id.items()}
    reached = {one: _reached(one, inside) for one in by_id}
    found: dict[str, list[Member]] = {}
    for one, group in by_id.items():
        circle = {other for other in reached[one] if one in reached[other]}
        members = [member for other in sorted({one, *circle}) for member in by_id[other].Members]
        found[one] = [member for member in members if member.Id not in circle] if circle else group.Members
    return found


def _reached(start: str, inside: Mapping[str, list[str]]) -> set[str]:
    """The groups that are in a group, however deep: itself among them only in a circle."""
    found: set[str] = set()
    left = list(inside[start])
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += inside[one]
    return found
