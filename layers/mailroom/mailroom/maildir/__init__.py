"""The Maildir file protocol: one message, one mailbox, exactly one complete copy. Knows nothing of AWS.

``names``        base name, temporary name
``directories``  open and make folders without following symlinks
``message``      write headers and content, counting sizes
``attempt``      one attempt from beginning to end
``draft``        the temporary file until it is published
``recovery``     what earlier attempts left
``times``        when directories changed, by the server's clock
``mounts``       whether the mail root is NFS
``failures``     errno → permanent or temporary, and words
``probe``        would a delivery work?
``places``       where to try that

The order of the operations is Dovecot's (maildir-save.c): file in ``tmp``, write, times, fsync, close, rename into
``new``, fsync of ``new`` (on NFS that does nothing and is left out). Nothing else is written: no index, no uidlist, and
nothing in ``cur``; no flags either, but for mail that was read elsewhere (``Draft.show``).
"""

from mailroom.maildir.attempt import Delivered, deliver
from mailroom.maildir.probe import Probed, probe

__all__ = ["Delivered", "Probed", "deliver", "probe"]
