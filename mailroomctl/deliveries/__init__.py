"""What became of a message.

``table``       the records of deliveries, and how they are shown
``cause``       Step Functions' Cause as text for people
``raw_mail``    the object in S3, and SES's verdicts in it
``quarantine``  the raw mail of what a policy holds back
``rebuild``     a notification, rebuilt from records
``execution``   start the workflow, understand its end
"""
