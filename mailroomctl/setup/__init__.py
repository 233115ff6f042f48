"""The first deployment: what is there, what to decide, and what to do in which order. Nothing here changes an account.

``calls``        questions to AWS with the caller's credentials, and which of them were denied
``receiving``    SES: whether the region receives, identities, the active rule set and its rules
``storage``      file systems, their access points and mount targets, and the ways from there to S3
``left``         what an earlier stack of the same name has left
``account``      all of it, and the stack, the topic of the alarms, and Lambda's quota
``questions``    what a person is asked
``file_system``  which file system, access point, subnets and security groups the stack gets, or how to make them
``key``          a KMS key of one's own, and what its policy has to say
``names``        names as CloudFormation, SES and DNS take them
``dns``          the records
``steps``        the commands, in order; ``storage_steps`` those for what the mailboxes need
``plan``         what follows from the account and the answers
``samconfig``    the file that ``sam`` reads
``page``         the plan in words
"""
