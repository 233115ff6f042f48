"""Whether mail flows now: the facts that ``mailroomctl status`` prints, for whoever else shows them.

- ``facts``: all of them together, and what an operator has to do
- ``lately``: the last delivery, and what fails, is held and was rejected, from the deliveries table
- ``waiting``: the queues and the quarantine
- ``alarms``: the states of the stack's alarms
- ``breaker``: when the storage breaker probes
"""
