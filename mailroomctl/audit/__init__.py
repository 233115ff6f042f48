"""Whether anything is lost, and how to get it back; what is read and compared is in the layer's ``mailroom.audit``.

``work``      one audit's file, which goes on where an interrupted one stopped
``look``      read, compare, and look into the queues
``envelope``  the recipients of a message without a notification, from SES's own header lines
``repair``    replay what an audit has found missing
``restore``   deliver again what is on record and nowhere in its mailbox
"""
