"""ResolveMailboxes: from envelope recipients to mailboxes, folders and rejections.

``mailboxes``   the step: recipients in, deliveries and those without one out
``resolution``  what the step is asked and what it answers, to and from the workflow's state
``expansion``   follow aliases, groups and catch-alls, level by level
``look_up``     one address: its entry, its tag, or why there is none
``directory``   the table: many keys in few calls, and a cache
``entries``     what an entry of the table says
``problems``    why mail cannot go on: a kind, an enhanced status code, a sentence
``policy``      what to do with SES's findings
``tag_folders`` where a sub-address leads: from a tag to a folder
``carried``     what fits the workflow's state
"""
