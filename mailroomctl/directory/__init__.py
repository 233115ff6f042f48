"""Who receives mail: the directory table as operators change it.

``table``        conditional reads and writes
``models``       what an entry may hold
``targets``      where aliases, groups and catch-alls lead
``overlaps``     no two mailboxes in one place
``yaml_file``    the directory as one file
``import_plan``  compare a file with the table, refuse, carry out
``check``        what is wrong in a whole directory
``overlay``      entries in memory in front of the table
``stack_rules``  the stack's parameters as rules for resolving
"""
