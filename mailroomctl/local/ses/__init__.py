"""SES's side of the embedded AWS: mail comes in by SMTP, raw mail and notifications go out."""
