"""One delivery in a process of its own, with as few other system calls as Python allows; prints like the command."""

import sys

from mailroom.errors import MailroomError
from mailroom.maildir import deliver

root, mailbox_path, delivery_id, received_at, folder, recovering = sys.argv[1:]
try:
    delivered = deliver(
        root,
        mailbox_path=mailbox_path,
        folder=folder,
        delivery_id=delivery_id,
        received_at=float(received_at),
        headers=[],
        content=iter([sys.stdin.buffer.read()]),
        attempt="traced",
        recovering=recovering == "True",
    )
except MailroomError as error:
    print(type(error).__name__, error, sep=": ", file=sys.stderr)
    sys.exit(75)
print(delivered)
