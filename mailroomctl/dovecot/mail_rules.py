"""Rules about the mail itself: where it is, how it is read on NFS, and when new mail shows."""

import re
from collections.abc import Iterator

from mailroomctl.dovecot.doveconf import Doveconf
from mailroomctl.dovecot.finding import ERROR, WARNING, Finding, Layout


def where_mail_is(conf: Doveconf, layout: Layout) -> Iterator[Finding]:
    """The format of the mail, and where the homes have it."""
    path = f"~/{layout.folder}" if layout.folder else "~"
    homes = (path, path.replace("~", "%h"), path.replace("~", "%{home}"))
    if conf.version == "2.3":
        name, fix = "mail_location", f"mail_location = maildir:{path}"
        kind, _, rest = conf.get(name).partition(":")
        parts = rest.split(":")
    else:
        name, fix = "mail_path", f"mail_path = {path}"
        kind, parts = conf.get("mail_driver"), [conf.get(name)]
        if kind != "maildir":
            text = "mail is in Maildirs; another driver shows none of it"
            yield Finding(ERROR, "mail_driver", text, "mail_driver = maildir")
            return
    if kind != "maildir":
        yield Finding(ERROR, name, "mail is in Maildirs; another format shows none of it", fix)
        return
    if parts[0].rstrip("/") in homes:
        return
    if re.search(r"%(?:\{ ?user|\{?[Ldnu])", parts[0]):
        text = "names with special characters lie elsewhere than their name says; only the list of users knows"
        yield Finding(ERROR, name, text, fix)
    else:
        text = f"Mailroom delivers to {path}, not to {parts[0] or 'what Dovecot finds by itself'}"
        yield Finding(ERROR, name, text, fix)


def parts_of_location(conf: Doveconf, _layout: Layout) -> Iterator[Finding]:
    """2.3's parameters behind the path, and 2.4's settings of the same meaning."""
    if conf.version == "2.3":
        location = conf.get("mail_location")
        given = {one.partition("=")[0].upper(): one.partition("=")[2] for one in location.split(":")[2:]}
        without = ":".join([*location.split(":")[:2]])
        fixes = dict.fromkeys(("LAYOUT", "INBOX", "UTF-8", "DIRNAME", "INDEX"), f"mail_location = {without}")
        name = dict.fromkeys(fixes, "mail_location")
    else:
        name = {
            "LAYOUT": "mailbox_list_layout",
            "INBOX": "mail_inbox_path",
            "UTF-8": "mailbox_list_utf8",
            "DIRNAME": "mailbox_directory_name",
            "INDEX": "mail_index_path",
        }
        given = {key: conf.get(setting) for key, setting in name.items() if conf.get(setting) not in ("", "no")}
        values = {"LAYOUT": "maildir++", "UTF-8": "no"}
        fixes = {key: f"{setting} = {values.get(key, '')}".rstrip() for key, setting in name.items()}
    texts = {
        "LAYOUT": "Mailroom's folders are Maildir++ (.Junk); another layout hides them",
        "INBOX": "Mailroom delivers to the Maildir itself; an INBOX elsewhere hides it",
        "UTF-8": "Mailroom names folders in modified UTF-7; Dovecot would look for UTF-8 and hide them",
        "DIRNAME": "Mailroom delivers into the folder itself, not into one below it",
    }
    for key, text in texts.items():
        if key in given and not (key == "LAYOUT" and given[key].lower() == "maildir++"):
            yield Finding(ERROR, name[key], text, fixes[key])
    if given.get("INDEX", "").upper() == "MEMORY":
        text = "without an index on disk every look reads every message again"
        yield Finding(WARNING, name["INDEX"], text, fixes["INDEX"])


def nfs(conf: Doveconf, _layout: Layout) -> Iterator[Finding]:
    """What NFS needs, and what is slow there."""
    if not conf.is_on("mmap_disable"):
        yield Finding(ERROR, "mmap_disable", "on NFS, mapped index files get corrupt", "mmap_disable = yes")
    if conf.get("mail_fsync") != "always":
        text = "on NFS, a write that is not synced can be lost, with what the user has done"
        yield Finding(ERROR, "mail_fsync", text, "mail_fsync = always")
    for name in ("mail_nfs_storage", "mail_nfs_index"):
        if conf.is_on(name):
            text = "it drops NFS's caches at every step, which helps only where several servers serve one user"
            yield Finding(WARNING, name, text, f"{name} = no")
    if conf.get("lock_method") == "dotlock":
        yield Finding(WARNING, "lock_method", "a dot lock takes several round trips on NFS", "lock_method = fcntl")


def new_mail_shows(conf: Doveconf, _layout: Layout) -> Iterator[Finding]:
    """Whether mail that Mailroom writes beside Dovecot is noticed, and how soon."""
    for name in ("maildir_very_dirty_syncs", "mailbox_list_index_very_dirty_syncs"):
        if conf.is_on(name):
            text = "Mailroom writes beside Dovecot, which would not notice new mail outside INBOX"
            yield Finding(ERROR, name, text, f"{name} = no")
    if _seconds(conf.get("mailbox_idle_check_interval")) > 60:
        text = "a waiting client sees new mail only after that time, and on NFS up to a minute later"
        yield Finding(WARNING, "mailbox_idle_check_interval", text, "mailbox_idle_check_interval = 30 secs")
    for name, does in (
        (
            "maildir_broken_filename_sizes",
            "it opens each message to count what its name says; Mailroom's names are right",
        ),
        (
            "maildir_stat_dirs",
            "it asks for every entry of the Maildir whether it is a folder, a round trip each on NFS",
        ),
    ):
        if conf.is_on(name):
            yield Finding(WARNING, name, does, f"{name} = no")


def _seconds(interval: str) -> float:
    found = re.fullmatch(r"(\d+)\s*(\w*)", interval.strip())
    if not found:
        return 0
    unit = found[2].rstrip("s").lower()
    factor = {"m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86400, "day": 86400}.get(unit, 1)
    return int(found[1]) * factor
