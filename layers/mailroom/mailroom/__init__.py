"""Mailroom's domain: from an SES notification to one Maildir file per mailbox.

``notification``  the event that arrives, as a model
``addresses``     one e-mail address: parse, normalise, mask
``directory``     which mailboxes an address leads to
``maildir``       the file protocol; knows nothing of AWS
``mail_store``    the raw mail in S3, as a stream of chunks
``errors``        what can go wrong, permanent or temporary
``settings``      a function's environment, typed
``observability`` the one logger and the one set of metrics
"""
