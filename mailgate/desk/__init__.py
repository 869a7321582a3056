"""The only code that changes a ticket."""
