"""The deployed template on the embedded AWS: mail in by SMTP, out by IMAP from a real Dovecot."""
