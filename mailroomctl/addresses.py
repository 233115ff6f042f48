"""Addresses as operators write them."""

from mailroom.addresses import parse
from mailroom.errors import InvalidAddress


def normalised(text: str) -> str:
    """Normalise an address; leave what is none as it is, because that is how it is on record."""
    try:
        return parse(text).text
    except InvalidAddress:
        return text
