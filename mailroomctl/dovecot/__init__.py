"""Dovecot's side of the mail root: who its users are, how it is configured, and what its configuration gets wrong."""
