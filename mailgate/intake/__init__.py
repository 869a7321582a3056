"""The doors: SMTP, LMTP, IMAP and a pipe, all into one journal."""
