"""The version that is installed; template.yaml says the same of a stack, in its output ``Version``."""

from importlib.metadata import version

VERSION = version("mailroom")
