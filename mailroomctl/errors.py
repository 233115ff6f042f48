"""Mistakes that an operator can fix: shown as one line, never as a traceback."""


class CommandError(Exception):
    """A command cannot do what it was asked; the text says why and what to do."""


class NotInDirectoryError(CommandError):
    """The directory has no such entry."""


class AlreadyInDirectoryError(CommandError):
    """The directory has an entry under this key already."""


class ChangedMeanwhileError(CommandError):
    """Somebody else changed the entry between reading and writing."""
