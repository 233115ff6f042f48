"""Raw mail from the bucket. The last few are kept: a page asks for text, HTML and attachments one after the other."""

import threading
from collections import OrderedDict

from mailroomctl.deliveries.raw_mail import stored_at, usual_key
from mailroomctl.deliveries.table import DeliveriesTable
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack
from mailroomctl.web.mail.parts import Mail, read_mail

_KEPT = 4


class KeptMail:
    """Mails by their message id."""

    def __init__(self, stack: Stack) -> None:
        """Read nothing yet."""
        self._stack = stack
        self._mails: OrderedDict[str, Mail] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, message_id: str) -> Mail:
        """Return a mail; raises ``CommandError`` when it is gone."""
        with self._lock:
            if message_id in self._mails:
                self._mails.move_to_end(message_id)
                return self._mails[message_id]
        bucket, key = self._where(message_id)
        mail = read_mail(self._stack.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        with self._lock:
            self._mails[message_id] = mail
            while len(self._mails) > _KEPT:
                self._mails.popitem(last=False)
        return mail

    def _where(self, message_id: str) -> tuple[str, str]:
        """The raw mail where SES put it, or else its copy in quarantine."""
        records = DeliveriesTable(self._stack).of_message(message_id)
        bucket = self._stack.output("MailBucketName")
        keys = {str(record[name]) for record in records for name in ("key", "quarantine_key") if record.get(name)}
        for key in sorted(keys) or [usual_key(self._stack, message_id)]:
            # A record names the stack's own bucket; nothing else is read.
            if stored_at(self._stack, bucket, key):
                return bucket, key
        raise CommandError(f"the raw mail of {message_id} is gone from the bucket.")
