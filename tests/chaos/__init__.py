"""Chaos: everything fails while mail comes in, and at the end every recipient has exactly one copy.

``plan``    mails, recipients, notifications and faults, all from one seed
``faults``  real ones: processes killed, a full or read-only file system, a stopped pipe
``run``     send the mails, cause the faults, mend everything, drain the queues, redrive the dead letters
``verify``  what must be in the mailboxes and on record, and nothing else

``make chaos`` runs it with 500 mails, ``make test`` with few; ``SEED=n`` repeats a plan. What the machine does in which
millisecond is not in the plan: a repeated run has the same mails and faults, not the same race.
"""
