"""The operator's command line, and what it stands on.

``main``        the command tree
``commands``    one module for each ``mailroomctl NAME``: parse, one call, print
``options``     options that several commands share
``directory``   who receives mail: entries, checks, import and export
``deliveries``  what became of a message: records, raw mail, quarantine, executions
``queues``      messages that wait for the workflow or for an operator, and the pipe between
``setup``       what is there before a stack is, and what to do in which order
``local``       the whole application on one machine, on an embedded AWS
``web``         the console: pages in the browser, which call what the commands call

For all: ``command`` (how a command finds its stack and fails), ``stack`` (the deployed stack), ``console`` (what is
printed), ``errors``, ``interrupts`` (Ctrl-C), ``times`` (durations and dates), ``addresses`` and
``verdicts`` (as operators write them), ``version``.
"""
