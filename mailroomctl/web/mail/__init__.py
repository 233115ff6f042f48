"""A mail as a page may show it: everything in it was written by strangers.

``parts``    headers, text, HTML and attachments of a mail, whatever its state
``cleaning`` HTML without what reaches out, runs or leads elsewhere
``raw``      read from the bucket, and kept for a moment
"""
