"""Mailroom's domain: from an SES notification to one Maildir file per mailbox.

By step:
``notification``  ValidateEvent: the event that arrives, as a model; ``bounces``: may its sender get one?
``resolve``       ResolveMailboxes: from recipients to deliveries
``delivery``      WriteMailbox: ``mail_store`` (the raw mail in S3) into ``maildir`` (the file protocol, no AWS in it)

For all: ``addresses`` and ``domain_names`` (normalised), ``mailbox_paths`` and ``folder_names`` (what may be one),
``state`` (what the workflow hands from step to step), ``statuses`` (of records), ``errors`` (permanent or temporary),
``settings`` (the environment, typed), ``observability`` (logs, metrics).
"""
