"""Whether anything is lost: the stored raw mail of a time against the records of what became of it.

``notes``     what has been read, on disk, so that memory does not grow and an audit can go on where it stopped
``reading``   objects and records, page by page
``findings``  both side by side by message, and what is not as it must be
``copies``    delivered copies against the files of their mailboxes
"""
