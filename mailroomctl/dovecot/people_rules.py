"""Rules about people: under which names they log in, what they are shown, and who can read along."""

import re
from collections.abc import Iterator

from mailroomctl.dovecot.config import section, user_section
from mailroomctl.dovecot.doveconf import Doveconf
from mailroomctl.dovecot.finding import ERROR, WARNING, Finding, Layout


def names(conf: Doveconf, _layout: Layout) -> Iterator[Finding]:
    """Whether everybody can log in with the name that the list of users has."""
    if conf.get("auth_username_chars"):
        text = "people with other characters in their name, such as o'brien or müller, cannot log in"
        yield Finding(ERROR, "auth_username_chars", text, "auth_username_chars =")
    wanted = "%{user | lower}" if conf.version == "2.4" else "%Lu"
    lower = (wanted, "%{user|lower}", "%L{user}")
    if (given := conf.get("auth_username_format")) not in lower:
        text = f"the list of users has whole addresses in small letters; {given or 'nothing'} looks for something else"
        yield Finding(ERROR, "auth_username_format", text, f"auth_username_format = {wanted}")


def users(conf: Doveconf, _layout: Layout) -> Iterator[Finding]:
    """Whether Dovecot knows the directory's users and where their mail is."""
    # Passwords may be anywhere, and so may the true paths; what cannot know them is named.
    unknowing = {"passdb": {"static"}, "userdb": {"static", "passwd"}}
    for kind, drivers in unknowing.items():
        found = conf.sections(kind)
        if {_driver(place[-1], inside, kind) for place, inside in found.items()} <= drivers:
            text = "it knows neither the directory's users nor where their mail is"
            yield Finding(ERROR, kind, text, user_section(conf.version, kind))


def folders(conf: Doveconf, layout: Layout) -> Iterator[Finding]:
    """The INBOX, and the folders into which junk goes."""
    namespaces = conf.sections("namespace")
    inboxes = [place for place, inside in namespaces.items() if _either(inside, "inbox", "namespace_inbox") == "yes"]
    if not inboxes:
        fix = "namespace inbox {\n  inbox = yes\n  separator = /\n}"
        yield Finding(ERROR, "namespace", "no namespace has the INBOX", fix)
        return
    [inbox, *_] = inboxes
    if elsewhere := namespaces[inbox].get("location", ""):
        text = f"its location, {elsewhere}, goes before mail_location"
        yield Finding(ERROR, inbox[-1], text, f"{inbox[-1]} {{\n  location =\n}}")
    if _either(namespaces[inbox], "list", "namespace_list") == "no":
        text = "clients are not shown its folders, with whatever Mailroom has delivered there"
        yield Finding(ERROR, f"{inbox[-1]} list", text, f"{inbox[-1]} {{\n  list = yes\n}}")
    folders = {
        _name(place[-1], conf.version): inside
        for place, inside in conf.sections("mailbox").items()
        if place[:-1] == inbox
    }
    for name in layout.junk_folders:
        inside = folders.get(name, {})
        fix = f"namespace inbox {{\n{section(conf.version, name)}}}"
        if _either(inside, "auto", "mailbox_auto") != "subscribe":
            text = "nobody subscribes to it, and clients that show subscribed folders only hide its mail"
            yield Finding(ERROR, f"mailbox {name}", text, fix)
        elif "\\junk" not in _either(inside, "special_use", "mailbox_special_use").lower().split():
            text = "clients do not know it as the junk folder, and show or make another"
            yield Finding(WARNING, f"mailbox {name}", text, fix)
    for name in ("INBOX", *layout.junk_folders):
        for pattern, inside in folders.items():
            age = _either(inside, "autoexpunge", "mailbox_autoexpunge")
            if age not in ("", "0") and _covers(pattern, name):
                text = f"Dovecot deletes its mail after {age}, whether somebody has read it or not"
                yield Finding(WARNING, f"mailbox {name} autoexpunge", text, "autoexpunge = 0")


def _covers(pattern: str, name: str) -> bool:
    """Tell whether a section ``mailbox`` is a folder's; its name may be one with wildcards."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace("%", "[^/]*"), name) is not None


def _name(mailbox: str, version: str) -> str:
    """The folder's name, which 2.4 keeps from looking like a variable."""
    name = mailbox.partition(" ")[2]
    return name.replace("%%{", "%{") if version == "2.4" else name


def _either(inside: dict[str, str], *names: str) -> str:
    """A setting of a section, whose name may start with the section's kind."""
    return next((inside[name] for name in names if name in inside), "")


def quota(conf: Doveconf, _layout: Layout) -> Iterator[Finding]:
    """Quota that does not count what Mailroom delivers."""
    if conf.version == "2.3":
        for (*place, name), value in conf.settings.items():
            if place == ["plugin"] and re.fullmatch(r"quota\d*", name):
                driver, _, label = value.partition(":")
                if driver in ("maildir", "dirsize", "dict"):
                    fix = f"plugin {{\n  {name} = count:{label.split(':')[0] or 'User quota'}\n  quota_vsizes = yes\n}}"
                    yield Finding(WARNING, f"plugin {name}", _QUOTA, fix)
        return
    for (*place, name), value in conf.settings.items():
        if name in ("quota_driver", "driver") and (not place or place[-1].startswith("quota ")) and value == "maildir":
            yield Finding(WARNING, "quota_driver", _QUOTA, "quota_driver = count")


_QUOTA = "it keeps a sum of its own, to which Mailroom's deliveries add nothing, or reads every folder for it"


def secrets(conf: Doveconf, _layout: Layout) -> Iterator[Finding]:
    """Passwords that anybody can read on the way."""
    allowed = conf.is_on("auth_allow_cleartext") if conf.version == "2.4" else not conf.is_on("disable_plaintext_auth")
    if conf.get("ssl") == "required" or (conf.get("ssl") == "yes" and not allowed):
        return
    yield Finding(WARNING, "ssl", "passwords and mail cross the network for everybody to read", "ssl = required")


def _driver(section_name: str, inside: dict[str, str], kind: str) -> str:
    named = section_name.split(" #")[0].partition(" ")[2]
    return inside.get("driver") or inside.get(f"{kind}_driver") or named
