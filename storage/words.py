"""The words that rows, indexes and queries share; `status` imports them without SQLAlchemy."""

SCHEMA = "0001"  # the newest migration; a test holds it to storage/migrations/versions
REJECTED = "rejected"  # how the note of a mail begins that a person let stay in quarantine for good
DISCARDED = "discarded by hand"  # the error of a letter that a person decided about: it failed nobody

# The words of some indexes: SQLite takes such a one only where a query says the very same.
UNSENT = "state IN ('pending', 'deferred', 'held')"
FAILED = "state IN ('failed', 'bounced')"
OURS = "ours"
SHADOW = "shadow"  # the beat that says since when nobody is answered
DAEMON = "daemon"  # the beat by which it tells that it lives
DAEMON_SECONDS = 60.0  # so often
