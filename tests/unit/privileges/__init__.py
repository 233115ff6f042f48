"""What every role of the template may do, and what code, workflows and template show that it must be able to do."""
