"""What ``doveconf -n`` prints, of Dovecot 2.3 and 2.4, as settings by their place."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from mailroomctl.errors import CommandError

_VERSION = re.compile(r"\A\s*#\s*(\d+)\.(\d+)\.")
_SETTING = re.compile(r"(?P<name>[\w./-]+) =(?: (?P<value>.*))?")
_DEEPEST = 50  # sections; Dovecot has three
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|\S+')

#: What applies where ``doveconf -n``, which leaves defaults out, says nothing.
_DEFAULTS = {
    "mail_location": "",
    "mail_driver": "",
    "mail_path": "",
    "mail_inbox_path": "",
    "mail_index_path": "",
    "mailbox_list_layout": "maildir++",
    "mailbox_list_utf8": "no",
    "mailbox_directory_name": "",
    "mmap_disable": "no",
    "mail_fsync": "optimized",
    "mail_nfs_storage": "no",
    "mail_nfs_index": "no",
    "maildir_very_dirty_syncs": "no",
    "mailbox_list_index_very_dirty_syncs": "no",
    "maildir_broken_filename_sizes": "no",
    "maildir_stat_dirs": "no",
    "mailbox_idle_check_interval": "30 secs",
    "lock_method": "fcntl",
    "auth_username_chars": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@",
    "ssl": "yes",
    "disable_plaintext_auth": "yes",
    "auth_allow_cleartext": "no",
    "quota_driver": "count",
}

#: Sections with settings for the sessions of a protocol, an address of the server, or one of a client.
_FOR_SOME = ("protocol", "local", "local_name", "remote")


@dataclass(frozen=True, slots=True)
class Doveconf:
    """A configuration: what is set at which place."""

    version: str
    """``2.3`` or ``2.4``."""
    settings: dict[tuple[str, ...], str]
    """Values by the sections around a setting and its name, as in ``("namespace inbox", "mailbox Junk", "auto")``."""

    def get(self, name: str) -> str:
        """Return a setting that is for everybody, or its default.

        2.4 prints ``maildir_very_dirty_syncs`` as ``very_dirty_syncs`` in a section ``maildir``, and takes both.
        """
        words = name.split("_")
        for length in range(1, len(words)):
            kind, rest = "_".join(words[:length]), "_".join(words[length:])
            for place in ((kind, rest), (kind, name)):
                if place in self.settings:
                    return self.settings[place]
        default = _DEFAULTS.get(name, "")
        if name == "auth_username_format":
            default = "%{user | lower}" if self.version == "2.4" else "%Lu"
        return self.settings.get((name,), default)

    def is_on(self, name: str) -> bool:
        """Say whether a setting is ``yes``."""
        return self.get(name).lower() in ("yes", "y", "1", "true")

    def for_some(self) -> Iterator[tuple[str, "Doveconf"]]:
        """Return what holds for some sessions alone, by the section that says for which."""
        for name in sorted({place[0] for place in self.settings if place[0].split(" ", 1)[0] in _FOR_SOME}):
            inside = {place[1:]: value for place, value in self.settings.items() if place[0] == name and place[1]}
            yield name, Doveconf(self.version, {**self.settings, **inside})

    def sections(self, kind: str) -> dict[tuple[str, ...], dict[str, str]]:
        """Return the sections of a kind wherever they stand, each with its own settings; an empty one has none."""
        found: dict[tuple[str, ...], dict[str, str]] = {}
        for place, value in self.settings.items():
            for length in range(1, len(place)):
                if place[length - 1].split(" ", 1)[0] == kind:
                    inside = found.setdefault(place[:length], {})
                    if length == len(place) - 1:
                        inside[place[-1]] = value
        return found


def read_doveconf(text: str) -> Doveconf:
    """Read the output of ``doveconf -n``; raises ``CommandError`` when it is none."""
    settings: dict[tuple[str, ...], str] = {}
    place: list[str] = []
    numbers: Counter[tuple[str, ...]] = Counter()
    version = _version(text)
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if stripped == "}":
            if not place:
                raise CommandError("this is no output of doveconf -n: a section ends that has not begun.")
            place.pop()
        elif found := _SETTING.fullmatch(stripped):
            settings[(*place, found["name"])] = _unquoted(found["value"] or "")
        elif stripped.endswith("{"):
            if len(place) == _DEEPEST:
                raise CommandError("this is no output of doveconf -n: its sections are too deep.")
            place.append(_numbered(" ".join(map(_unquoted, _WORD.findall(stripped[:-1]))), place, numbers))
            settings[(*place, "")] = ""
        else:
            raise CommandError(f"this is no output of doveconf -n: {stripped[:60]!r}.")
    if place:
        raise CommandError("this is no whole output of doveconf -n: a section does not end.")
    return Doveconf(version, settings)


def _version(text: str) -> str:
    found = _VERSION.search(text)
    if not found:
        raise CommandError(
            "this is no output of doveconf -n, whose first line says the version; a file dovecot.conf will not do."
        )
    version = f"{found[1]}.{found[2]}"
    if version not in ("2.3", "2.4"):
        raise CommandError(f"this is the configuration of Dovecot {version}; 2.3 and 2.4 can be checked.")
    return version


def _numbered(name: str, place: list[str], numbers: Counter[tuple[str, ...]]) -> str:
    """Tell sections of one name apart: 2.3's passdb has none of its own and may stand there several times."""
    numbers[*place, name] += 1
    number = numbers[*place, name]
    return name if number == 1 else f"{name} #{number}"


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text
