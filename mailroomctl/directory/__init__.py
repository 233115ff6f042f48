"""Who receives mail: the directory table as operators change it.

``table``         conditional reads and writes
``models``        what an entry may hold
``targets``       where aliases, groups and catch-alls lead
``overlaps``      no two mailboxes in one place
``default_paths`` paths that nobody chose, and whether Dovecot looks there
``domains``       which domains the directory knows
``yaml_file``     the directory as one file
``import_plan``   compare a file with the table, refuse, carry out
``check``         what is wrong in a whole directory
``fixes``         what ``check --fix`` writes
``overlay``       entries in memory in front of the table
``stack_rules``   the stack's parameters as rules for resolving
"""
