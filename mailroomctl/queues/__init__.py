"""Messages that wait: for the workflow in the inbound queue, for an operator in the other two.

``in_flight``  receive all messages of a queue, extend their visibility timeout, make them visible again
``messages``   read a parked event or a dead letter
``selection``  which of them: ids and filters
``process``    read a whole queue, then work through it
``view``       lists, plans, details
``move_task``  SQS's own redrive
``depth``      visible and in flight
``pipe``       the pipe between the inbound queue and the workflow
"""
