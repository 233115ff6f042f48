"""Ages and points in time, as operators write and read them."""

import re
from datetime import UTC, datetime, timedelta

import typer

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"(\d{1,6})\s*([smhdw])")


def parse_age(text: str) -> timedelta:
    """Read ``90m``, ``2h``, ``3d``. Raises ``typer.BadParameter`` otherwise."""
    found = _AGE.fullmatch(text.strip().lower())
    if not found:
        raise typer.BadParameter(f"{text!r} is not a duration: write a number and s, m, h, d or w, such as 90m or 2d.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def parse_moment(text: str) -> datetime:
    """Read an age (before now), or a date with or without a time (UTC where it does not say).

    Raises ``typer.BadParameter`` otherwise.
    """
    try:
        if _AGE.fullmatch(text.strip().lower()):
            return datetime.now(UTC) - parse_age(text)
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise typer.BadParameter(f"{text!r} is too long ago, or too far ahead.") from None
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a date or time: write a duration such as 2d, or a date such as 2026-11-24T02:47Z."
        ) from None


def iso(moment: datetime) -> str:
    """Write a point in time as the records do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def age(seconds: float) -> str:
    """Write an age in one or two units, such as ``3d 4h``."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for name, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (name == "s" and not parts):
            parts.append(f"{count}{name}")
    return " ".join(parts[:2])
