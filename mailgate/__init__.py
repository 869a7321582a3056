"""An IT service desk that lives in the mailbox."""
