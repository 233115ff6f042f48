"""The embedded local AWS: the deployed application on one machine, without Docker and without an account.

``settings``    where everything runs; what ``up`` was given, kept for the other commands
``processes``   start, find and end the background processes
``deploy``      ``sam build`` and ``sam deploy`` of the one template
``lifecycle``   ``up``, ``down`` and ``status``
``send``        hand a mail to the SMTP server
``outcomes``    what became of it
``demo``        all of it once, as a show

``ses``         SES's side: an SMTP server that does what SES does with a received message
``emulator``    the server of the AWS APIs (ministack), and what it lacks
"""
