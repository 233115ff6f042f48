"""The emulator's side of the embedded AWS: ministack, and what it lacks.

``server``       the process that serves the AWS APIs
``pipe_runner``  runs the deployed EventBridge pipe
``error_names``  keeps the class name of a function's exception
``kept_workers`` keeps a function's process after an exception
``pipe_api``     lets a workflow describe, mark, stop and start a pipe
``alarms``       lets an alarm on metric math be deployed
``queries``      lets a saved query be deployed
``execution_log`` logs the events of executions
``security_groups`` lets a rule of a security group be deployed by itself

Each of the last seven says when it can be deleted.
"""
