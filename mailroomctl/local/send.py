"""Hand a mail to the SMTP server, every byte as it is."""

import smtplib
from dataclasses import dataclass, field

from mailroomctl.errors import CommandError
from mailroomctl.local.settings import Settings


@dataclass(frozen=True)
class Sent:
    """A mail that the server took.

    Attributes:
        message_id: SES message id; None when every recipient was refused.
        recipients: recipients that the server took.
        refused: the server's answer to each other recipient.
    """

    message_id: str | None
    recipients: list[str]
    refused: dict[str, str] = field(default_factory=dict)


def send(
    settings: Settings, sender: str, recipients: list[str], content: bytes, found: dict[str, str] | None = None
) -> Sent:
    """Send one mail through the SMTP server.

    Args:
        settings: the embedded AWS.
        sender: envelope sender; empty for a bounce.
        recipients: envelope recipients.
        content: the mail; not one byte of it is changed, hence BDAT.
        found: what SES is to find, e.g. ``{"spam": "FAIL"}``; ``notifications`` is how often it notifies.

    Raises:
        CommandError: an address could not be told to a server, the server does not answer, or refused the whole mail.
    """
    for address in [sender, *recipients]:
        if not address.isprintable():
            raise CommandError(f"{address!r} cannot be an envelope address: it holds a control character.")
    try:
        with smtplib.SMTP("127.0.0.1", settings.smtp_port, local_hostname="localhost", timeout=60) as smtp:
            smtp.ehlo()
            if found:
                _ok(smtp.docmd("XSES", " ".join(f"{name}={value}" for name, value in found.items())))
            plain = all(address.isascii() for address in [sender, *recipients])
            _ok(smtp.mail(sender, ["BODY=BINARYMIME", f"SIZE={len(content)}", *([] if plain else ["SMTPUTF8"])]))
            answers = {recipient: smtp.rcpt(recipient) for recipient in recipients}
            refused = {name: _text(answer) for name, answer in answers.items() if answer[0] != 250}
            taken = [name for name in answers if name not in refused]
            if not taken:
                return Sent(None, [], refused)
            smtp.putcmd(f"BDAT {len(content)} LAST")
            smtp.send(content)
            message_id = _ok(smtp.getreply()).split()[-1]
    except (OSError, smtplib.SMTPException) as error:
        raise CommandError(f"the SMTP server on 127.0.0.1:{settings.smtp_port} does not answer: {error}") from error
    return Sent(message_id, taken, refused)


def _ok(answer: tuple[int, bytes]) -> str:
    if answer[0] != 250:
        raise CommandError(f"the SMTP server said: {_text(answer)}")
    return answer[1].decode(errors="replace")


def _text(answer: tuple[int, bytes]) -> str:
    return f"{answer[0]} {answer[1].decode(errors='replace')}"
