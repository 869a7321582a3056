"""Doors by which mails come: each puts raw bytes and envelope into the journal, and only then says yes."""

MOST_HOPS = 50  # Received fields; RFC 5321 section 6.3: a mail for a desk has far fewer, or it loops
