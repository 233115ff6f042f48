"""Dovecot's passwd-file: every mailbox of the directory at its true path, under every name its user may log in with."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mailroom.addresses import Address, parse

from mailroomctl.directory.overlaps import path_of
from mailroomctl.directory.table import Item
from mailroomctl.dovecot.layout import Home, home_of, maildir_in_home
from mailroomctl.dovecot.passwords import Password
from mailroomctl.dovecot.spellings import escaped, listable, looked_up, spellings
from mailroomctl.errors import CommandError

# Whoever has this instead of a hash has no password. Never an empty field: Dovecot 2.4 would let everybody in.
LOCKED = "{CRYPT}*"


@dataclass(frozen=True, slots=True)
class User:
    """One line: a name, and what Dovecot needs to know when it is used."""

    login: str
    mailbox: str
    home: Home
    enabled: bool
    secret: str
    named: bool
    """Whether the login is the mailbox's own name; other names lead there."""


_SHOWN = 5  # names in one note


@dataclass(slots=True)
class Users:
    """All lines, and what an operator should know about them."""

    lines: list[User] = field(default_factory=list)
    without_password: list[str] = field(default_factory=list)
    without_name: list[str] = field(default_factory=list)
    """Enabled mailboxes whose name a passwd-file cannot hold, and that have no other."""
    unusable: list[str] = field(default_factory=list)
    """Mailboxes whose path Dovecot cannot be told, with the reason."""
    strangers: list[str] = field(default_factory=list)
    """Spellings of the password file that lead to no mailbox."""

    def notes(self) -> list[str]:
        """Say in a sentence each what an operator should know."""
        no_name = "no name to log in with, for Dovecot's list cannot hold theirs; add another to the password file"
        said = (
            (self.unusable, "not in the list"),
            (self.without_name, no_name),
            (self.without_password, "no password, so nobody can log in"),
            (self.strangers, "in the password file, but no mailbox"),
        )
        return [f"{text}: {_few(names)}" for names, text in said if names]


@dataclass(frozen=True, slots=True)
class Account:
    """Under whose name Dovecot opens the mail: the POSIX user of the file system's access point."""

    uid: str = "vmail"
    gid: str = "vmail"


def make_users(items: Iterable[Item], passwords: Iterable[Password], *, template: str, mail_root: str) -> Users:
    """Return the lines for a whole directory, sorted by domain and name.

    Raises ``CommandError`` when two mailboxes would have the same name to log in with.
    """
    items = list(items)
    mailboxes = {item["address"]: item for item in items if item["type"] == "mailbox"}
    aliases = {item["address"]: item["alias_of"] for item in items if item["type"] == "domain" and item.get("alias_of")}
    users = Users()
    given = _by_mailbox(passwords, mailboxes, aliases, users)
    folder = maildir_in_home(template)
    taken: dict[str, str] = {}
    for key in sorted(mailboxes, key=lambda one: (one.rpartition("@")[2], one)):
        try:
            path = path_of(mailboxes[key], template)
            _check_path(key, path)
        except CommandError as error:
            users.unusable.append(str(error).removesuffix("."))
            continue
        home = home_of(path, mail_root, folder)
        enabled = mailboxes[key].get("enabled") is not False
        lines = list(_lines(parse(key), home, given.get(key, []), enabled=enabled))
        for line in lines:
            if (other := taken.setdefault(line.login, key)) != key:
                raise CommandError(f"{line.login} would be the login of {other} and of {key}; choose another name.")
        users.lines += lines
        if not enabled:
            continue
        if not lines:
            users.without_name.append(key)
        elif all(line.secret == LOCKED for line in lines):
            users.without_password.append(key)
    return users


def passwd_file(users: Users, account: Account) -> str:
    """Write the lines as Dovecot's passwd-file."""
    return "".join(f"{_line(user, account)}\n" for user in users.lines)


def _line(user: User, account: Account) -> str:
    extra = [] if user.enabled else ["nologin"]
    if not user.named and _fits_a_field(user.mailbox):
        # One identity for limits, logs and doveadm, whatever its user typed.
        extra.append(f"user={user.mailbox}")
    if not user.home.usual:
        # 2.3 knows the first, 2.4 the second, and each ignores the other.
        extra += ["userdb_mail=maildir:~", "userdb_mail_path=~"]
    secret = user.secret if user.enabled else LOCKED
    return f"{escaped(user.login)}:{secret}:{account.uid}:{account.gid}::{user.home.home}::{' '.join(extra)}"


def _lines(address: Address, home: Home, passwords: list[Password], *, enabled: bool) -> Iterator[User]:
    """The mailbox's own name first, then the others; each with the password of whoever spells it so."""
    own = address.text
    secrets = {looked_up(one.login): one.secret for one in passwords if one.login}
    spelled = {looked_up(one.spelling): one.secret for one in passwords if not one.login}
    # A password under one name is good for all that have none of their own.
    usual = spelled.get(own) or next(iter((spelled | secrets).values()), LOCKED)
    for login in dict.fromkeys([*spellings(address), *spelled, *secrets]):
        if listable(login):
            secret = secrets.get(login) or spelled.get(login, usual)
            yield User(login, own, home, enabled, secret, named=login == own)


def _by_mailbox(
    passwords: Iterable[Password], mailboxes: dict[str, Item], aliases: dict[str, str], users: Users
) -> dict[str, list[Password]]:
    given: dict[str, list[Password]] = {}
    for one in passwords:
        address = parse(one.spelling)
        for _ in range(len(aliases) + 1):
            # A person may use the domain that is an alias of their own.
            onward = aliases.get(f"@{address.domain}")
            if address.text in mailboxes or not onward:
                break
            address = Address(address.local_part, onward)
        if address.text in mailboxes:
            given.setdefault(address.text, []).append(one)
        else:
            users.strangers.append(one.spelling)
    return given


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _check_path(address: str, path: str) -> None:
    if ":" in path:
        raise CommandError(f"{address}: Dovecot's list cannot hold the colon in the path {path}; choose another.")


def _fits_a_field(name: str) -> bool:
    """Whether ``user=`` can lead to a name: fields end at a space, and 2.3 and 2.4 disagree about a percent sign."""
    return listable(name) and " " not in name and "%" not in name
