"""Move old mail into a mailbox: read what another system has exported, and write it as a delivery does.

``sources``     messages out of a file, a folder or an archive
``content``     one message's bytes, in memory or beside it
``headers``     header fields of raw bytes
``dates``       when a message was received
``folders``     which folder of the mailbox a source's folder becomes
``identity``    what makes a message the same in every import
``index``       which messages are there already, in a temporary database
``known``       which mail has come another way
``owner``       act as the owner of a mailbox
``mailbox``     one mailbox's lock, folders and names
``write``       write several messages at once
``importing``   one source into one mailbox
``summary``     what became of each message
``plan``        which source goes to which mailbox

Knows nothing of AWS.
"""
