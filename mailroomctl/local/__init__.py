"""The embedded local AWS: the deployed application on one machine, without Docker and without an account.

``settings``    where everything runs; what ``up`` was given, kept for the other commands
``processes``   start, find and end the background processes
``aws``         the process that serves the AWS APIs (ministack)
``deploy``      ``sam build`` and ``sam deploy`` of the one template
``lifecycle``   ``up``, ``down`` and ``status``
``send``        hand a mail to the SMTP door
``outcomes``    what became of it
``demo``        all of it once, as a show

Three modules fill what the emulator lacks. Each says when it can be deleted:

``smtp_door``   does what SES does with a received mail (with ``ses_shapes`` and ``findings``)
``pipe``        runs the deployed EventBridge pipe
``typed_error`` keeps the class name of a function's exception
"""
