"""``samconfig.toml``, which ``sam`` reads: our settings go into it, and the rest stays, comments included."""

import json
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailroomctl.errors import CommandError

#: A file of its own, where there is none.
_NEW = """\
version = 0.1

[default.global.parameters]

[default.build.parameters]
parallel = true
cached = true

[default.deploy.parameters]
capabilities = "CAPABILITY_IAM"
resolve_s3 = true
confirm_changeset = true
"""
_GLOBAL, _DEPLOY = "default.global.parameters", "default.deploy.parameters"
_OVERRIDES = "parameter_overrides"


@dataclass(frozen=True)
class Settings:
    """What a deployment needs to know; parameters that are not named stay as they are."""

    stack_name: str
    region: str
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """The file with the settings, beside the file as it is; ``lost`` says which other values they replace."""

    path: Path
    before: str
    after: str
    lost: list[str]

    def write(self) -> None:
        """Write the file."""
        try:
            self.path.write_text(self.after)
        except OSError as error:
            raise CommandError(f"{self.path}: {error.strerror}.") from None


def change(path: Path, settings: Settings) -> Change:
    """Find out what the settings change in a file, which need not be there."""
    try:
        before = path.read_text()
    except FileNotFoundError:
        before = ""
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}.") from None
    except UnicodeError:
        raise CommandError(f"{path} is no text.") from None
    return Change(path, before, updated(before, settings), replaced(before, settings))


def updated(text: str, settings: Settings) -> str:
    """Return ``text`` with the settings; raises ``CommandError`` where it cannot be changed without harm."""
    if not text:
        text = _NEW
    wanted = _parsed(text)
    for table, key, value in list(_values(wanted, settings)):
        _table(wanted, table)[key] = value
        text = _set(text, table, key, value)
    try:
        unharmed = tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        unharmed = False
    if not unharmed:
        raise _not_understood()
    return text


def replaced(text: str, settings: Settings) -> list[str]:
    """Say which settings of ``text`` would get another value."""
    if not text:
        return []
    before, changes = _parsed(text), []
    for table, key, value in _values(before, settings):
        old = _table(before, table).get(key)
        if key == _OVERRIDES:
            parameters = _overrides(old)
            changes += [
                f"{name}={parameters[name]} becomes {new}"
                for name, new in settings.parameters.items()
                if parameters.get(name, new) != new
            ]
        elif old not in (None, value):
            changes.append(f"{key} = {_toml(old)} becomes {_toml(value)}")
    if len(_comments(text)) > len(_comments(updated(text, settings))):
        changes.append(f"comments among {_OVERRIDES} are lost")
    return changes


def _comments(text: str) -> list[str]:
    """Lines with what may be a comment, whatever is in front."""
    return [line for line in text.splitlines() if "#" in line]


def _values(parsed: dict[str, Any], settings: Settings) -> Iterator[tuple[str, str, Any]]:
    """The table, the key and the value of each setting."""
    parsed = deepcopy(parsed)  # a look makes tables that are not there
    deploy = _table(parsed, _DEPLOY)
    for key, value in (("stack_name", settings.stack_name), ("region", settings.region)):
        # What sam deploy --guided has written there goes before the table for all commands.
        yield (_DEPLOY if key in deploy else _GLOBAL), key, value
    told = {**_table(parsed, _GLOBAL), **deploy}
    if "capabilities" not in told:
        yield _DEPLOY, "capabilities", "CAPABILITY_IAM"
    if not {"resolve_s3", "s3_bucket"} & told.keys():
        yield _DEPLOY, "resolve_s3", True
    if settings.parameters:
        merged = {**_overrides(deploy.get(_OVERRIDES)), **settings.parameters}
        yield _DEPLOY, _OVERRIDES, [f"{name}={value}" for name, value in merged.items()]


def _overrides(value: Any) -> dict[str, str]:
    """The parameters as ``sam`` reads them: a list of NAME=VALUE, or a text with such words."""
    words = shlex.split(value) if isinstance(value, str) else value or []
    if not isinstance(words, list):
        raise _not_understood()
    return {name: rest for name, _, rest in (str(word).partition("=") for word in words)}


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CommandError(f"samconfig.toml is not TOML: {error}.") from None


def _table(parsed: dict[str, Any], name: str) -> dict[str, Any]:
    for part in name.split("."):
        parsed = parsed.setdefault(part, {})
        if not isinstance(parsed, dict):
            raise _not_understood()
    return parsed


def _not_understood() -> CommandError:
    return CommandError(
        f"samconfig.toml is laid out in a way that cannot be changed here: put stack_name and region into [{_GLOBAL}], "
        f"and {_OVERRIDES} into [{_DEPLOY}], as in README.md; or give another file, --config."
    )


def _set(text: str, table: str, key: str, value: Any) -> str:
    """Put one key into its table: in the place of its old value, or behind the table's last line."""
    lines, header = text.splitlines(), f"[{table}]"
    new = f"{key} = {_toml(value)}".splitlines()
    heads = [number for number, line in enumerate(lines) if line.strip().startswith("[") and not line.startswith(" ")]
    start = next((number for number in heads if lines[number].split("#")[0].strip() == header), None)
    if start is None:
        return "\n".join([*lines, "", header, *new]) + "\n"
    end = next((number for number in heads if number > start), len(lines))
    for number in range(start + 1, end):
        if lines[number].partition("=")[0].strip() == key:
            return "\n".join([*lines[:number], *new, *lines[_end_of_value(lines, number) :]]) + "\n"
    while not lines[end - 1].strip():
        end -= 1
    return "\n".join([*lines[:end], *new, *lines[end:]]) + "\n"


def _end_of_value(lines: list[str], start: int) -> int:
    """The line behind a value, which may take several."""
    for end in range(start + 1, len(lines) + 1):
        try:
            tomllib.loads("\n".join(lines[start:end]))
        except tomllib.TOMLDecodeError:
            continue
        return end
    return len(lines)


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(["[", *(f"    {_toml(one)}," for one in value), "]"])
    return json.dumps(value, ensure_ascii=False)
