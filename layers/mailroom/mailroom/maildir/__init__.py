"""The Maildir file protocol: one message, one mailbox, exactly one complete copy. Knows nothing of AWS.

``names``        base name, temporary name
``directories``  open and make folders without following symlinks
``message``      write headers and content, counting sizes
``attempt``      one attempt from beginning to end
``draft``        the temporary file until it is published
``recovery``     what earlier attempts left
``failures``     errno → permanent or temporary
``probe``        can the mail root be written?

The order of the operations is Dovecot's (maildir-save.c): exclusive file in ``tmp``, write, times, fsync, close, rename
into ``new``, fsync of ``new``. Nothing else is written: no index, no uidlist, and nothing in ``cur``.
"""

from mailroom.maildir.attempt import Delivered, deliver
from mailroom.maildir.probe import probe

__all__ = ["Delivered", "deliver", "probe"]
