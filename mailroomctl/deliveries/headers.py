"""Headers of mail as text that a terminal may show."""


def printable(value: object) -> str:
    """Decode a header (RFC 2047) and take out what could play tricks with a terminal."""
    from email.header import decode_header, make_header

    try:
        text = str(make_header(decode_header(str(value or ""))))
    except (ValueError, LookupError):
        text = str(value)
    return "".join(one if one.isprintable() else " " for one in text)[:500]
