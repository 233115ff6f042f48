"""What became of a message.

``table``       the records of deliveries, and how they are shown
``indexes``     every outcome of a period, and what needs attention
``newest``      the newest of them with a few calls; ``search`` and ``limit`` are for lists
``held``        undelivered mail, chosen and counted by what is at fault
``cause``       Step Functions' Cause as text for people
``raw_mail``    the object in S3, and SES's verdicts in it
``quarantine``  the raw mail of what a policy holds back; ``quarantined`` lists it, ``choice`` says which is meant
``rebuild``     a notification, rebuilt from records
``execution``   start the workflow, understand its end
``replay``      one message again; ``replay_many`` thousands, ``side_by_side``
"""
