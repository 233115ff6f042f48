"""Chaos: everything fails while mail comes in, and at the end every recipient has exactly one copy.

``plan``    messages, recipients, notifications and faults, all from one seed
``faults``  real ones: processes killed, a full or read-only file system, services away, a stopped pipe
``outages`` the embedded AWS with services that can be taken away
``breaker`` the storage breaker, left on while the storage fails
``operator`` stops and starts the pipe, redrives, corrects the directory and replays
``run``     send the messages, cause the faults, end them all, drain the queues, redrive the dead letters, repair
``verify``  what must be in the mailboxes and on record, and nothing else

``make chaos`` runs it with 500 messages, ``make test`` with few; ``SEED=n`` repeats a plan. What the machine does in
which millisecond is not in the plan: a repeated test has the same messages and faults, not the same race.
"""
