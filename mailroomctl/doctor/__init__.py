"""Is the whole chain as it has to be, from the MX record to the file system? It looks, and changes nothing.

``findings``   what a check finds: pass, warning, failure or not applicable, what it means and what to do
``patient``    the stack that is looked at: its resources, and questions to AWS with what each needs
``checks``     the checks in the order of a message's way; one module per subject has them
``documents``  what a policy document lets a service do
``statements`` the statements that the policies of bucket, topic and queues need
``run``        all checks at once, and what becomes of one that may not look
``page``       what was found, in words
``dovecot``    Dovecot's configuration, where it is given
``send_test``  one message from outside into the mailbox, with the times
"""
