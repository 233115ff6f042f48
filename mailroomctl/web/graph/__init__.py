"""The workflow as a picture, with the way that a message took.

``machine``   states and arrows of a workflow's definition
``layout``    where boxes and arrows stand
``picture``   SVG of both, with a way marked
``way``       the states that a message went through, from an execution's events
``inferred``  the same, from what the records say
"""
