"""Every table. Times are seconds since 1970 UTC on SQLite and PostgreSQL alike; JSON columns hold lists and maps."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import false as sa_false
from sqlalchemy import func as sa_func
from sqlalchemy import text as sa_text

from storage.words import FAILED, OURS, UNSENT

metadata = MetaData()

Id = BigInteger().with_variant(Integer, "sqlite")  # SQLite's rowid is an INTEGER or it is none
Time = Double


def only(condition: str) -> dict[str, Any]:
    """An index of those rows alone: few of many, which `status` counts."""
    return {"sqlite_where": sa_text(condition), "postgresql_where": sa_text(condition)}


# --- who we are -------------------------------------------------------------------------------------------------

signing_key = Table(
    "signing_key",
    metadata,
    Column("id", String(1), primary_key=True),  # one character of every id signed with it
    Column("secret", LargeBinary, nullable=False),
    Column("created", Time, nullable=False),
    Column("retired", Time),  # ids signed with it are still accepted; none is signed with it any more
    Column("last_ticket", Id),  # it signed before a restore: ids of later tickets are of ones that are lost
)

counter = Table(
    "counter",
    metadata,
    Column("name", String(40), primary_key=True),  # ticket, article
    Column("value", Id, nullable=False),  # the last one given out
)

restore = Table(  # each begins a new epoch of ids: what was given out after the backup must never be met again
    "restore",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("made", Time, nullable=False),  # when the backup was made
    Column("restored", Time, nullable=False),
    Column("last_ticket", Id, nullable=False),  # the last one that the backup has
    Column("first_ticket", Id, nullable=False),  # the first one of this epoch; between them lie the lost ones
    Column("last_article", Id, nullable=False),
    Column("first_article", Id, nullable=False),
    Column("foreign_keys", JSON),  # [name, secret in hex] of a desk that was replaced and is not this one
    Column("doubted", JSON),  # [first, last]: ticket ids that it gave out as well, after the backup
    Column("thawed", Time),  # NULL: nothing is sent
)

reread = Table(  # folders that mails were filed into, looked through after a restore
    "reread",
    metadata,
    Column("restore_id", Id, primary_key=True, autoincrement=False),
    Column("account", String(40), primary_key=True),
    Column("folder", Text, primary_key=True),
    Column("finished", Time, nullable=False),
    Column("seen", Integer, nullable=False),  # mails that lay there
    Column("found", Integer, nullable=False),  # those that the backup did not know
)

# --- arrivals ---------------------------------------------------------------------------------------------------

journal = Table(
    "journal",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("door", String(60), nullable=False),  # smtp, lmtp, pipe, imap:NAME
    Column("peer", String(80), nullable=False),  # address of the client, empty where there is none
    Column("mail_from", Text, nullable=False),  # envelope; empty for <>
    Column("rcpt_to", JSON, nullable=False),
    Column("received_at", Time, nullable=False),  # INTERNALDATE, or the moment of the 250
    Column("told_at", Time),  # INTERNALDATE where it is later than our clock
    Column("journaled_at", Time, nullable=False),
    Column("size", Integer, nullable=False),
    Column("arrival_key", Text, unique=True),  # the same arrival twice is one row
    Column("content_hash", String(64), nullable=False),
    Column("acknowledged", Boolean, nullable=False),  # false until the 250 is known to be written
    Column("state", String(10), nullable=False),  # new, done, parked
    Column("due", Time, nullable=False),  # claimable from then on; a claim moves it forward
    Column("owner", Text),  # who holds the lease
    Column("attempt", Integer, nullable=False),
    Column("ticket_id", Id),  # reserved by the first claim
    Column("article_id", Id),  # reserved: the mail's article; the next number is for its acknowledgement
    Column("verify_due", Time),  # when `verify` looks at it next; NULL: nothing is left to verify
    Column("verify_attempt", Integer, nullable=False, server_default="0"),
    Column("evidence", JSON),  # what `verify` found; once it is settled, what counted
    Column("mail_key", Text, unique=True),  # set by the first arrival of a mail; later ones are duplicates
    Column("outcome", String(12)),  # article, duplicate, record, unmatched, quarantine
    Column("outcome_ticket", Id),  # the ticket it ended on, if any
    Column("outcome_article", Id),  # the article it became, or is a second arrival of, or is a record on
    Column("reasons", JSON),
    Column("sender", Text),  # what a listing shows, filled in when it was read
    Column("subject", Text),
    Column("message_id", Text),
    Column("error", Text),  # a traceback, of a parked mail or a failed try
    Column("released", Boolean, nullable=False, server_default=sa_false()),  # a person let it out of quarantine
    Column("note", Text),  # what the door has to say: what stayed behind, a substitute text
    Index("journal_due", "state", "due"),
    Index("journal_verify", "state", "verify_due"),
    Index("journal_content", "content_hash"),
    Index("journal_article", "outcome_article"),
    Index("journal_message_id", "message_id"),
    Index("journal_outcome", "outcome"),
    Index("journal_ticket", "outcome_ticket"),
    Index("journal_sender", sa_func.lower(sa_text("sender"))),
    Index("journal_mail_from", sa_func.lower(sa_text("mail_from"))),
    Index("journal_quarantine", "outcome", "note", **only("outcome = 'quarantine'")),
)

journal_raw = Table(  # apart: an update of a journal row must not rewrite 25 MB
    "journal_raw",
    metadata,
    Column("journal_id", Id, ForeignKey("journal.id"), primary_key=True, autoincrement=False),
    Column("raw", LargeBinary, nullable=False),
)

mailbox = Table(
    "mailbox",
    metadata,
    Column("account", String(40), primary_key=True),
    Column("folder", Text, primary_key=True),
    Column("uidvalidity", Id),
    Column("first_contact", Time),  # with start = "now", what arrived before is left alone
    Column("first_uid", Id),  # UIDs below it were there at first contact and are left alone
    Column("waiting", Integer),  # how many mails lay there at first contact
    Column("last_success", Time),
    Column("error", Text),
    Column("error_since", Time),
)

imap_message = Table(
    "imap_message",
    metadata,
    Column("account", String(40), primary_key=True),
    Column("folder", Text, primary_key=True),
    Column("uidvalidity", Id, primary_key=True),
    Column("uid", Id, primary_key=True),
    Column("journal_id", Id, nullable=False),
    Column("settled", Boolean, nullable=False),  # moved, flagged, deleted, or seen to need nothing more
    Index("imap_message_settled", "account", "settled"),
    Index("imap_message_journal", "journal_id"),
)

# --- tickets ----------------------------------------------------------------------------------------------------

ticket = Table(
    "ticket",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("number", String(40), nullable=False, unique=True),
    Column("version", Integer, nullable=False),  # every change counts it up; a write is fenced by it
    Column("subject", Text, nullable=False),
    Column("type", String(40), nullable=False),
    Column("state", String(40), nullable=False),
    Column("state_type", String(10), nullable=False),  # new, open, pending, closed, merged, removed
    Column("queue", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("owner", Text),
    Column("requester", Text),
    Column("requester_name", Text, nullable=False),
    Column("partner", Text),
    Column("language", String(10), nullable=False),
    Column("tags", JSON, nullable=False),
    Column("fields", JSON, nullable=False),
    Column("participants", JSON, nullable=False),  # addresses: requester, To and Cc of public articles
    Column("watchers", JSON, nullable=False, server_default=sa_text("'[]'")),  # addresses of staff
    Column("merged_into", Id),
    Column("split_from", Id),
    Column("follows", Id, index=True),
    Column("acknowledged", Boolean, nullable=False),  # once a ticket
    Column("created", Time, nullable=False),
    Column("updated", Time, nullable=False),
    Column("closed", Time),
    Column("last_public_id", Text),  # Message-ID of the newest public mail, for In-Reply-To
    Column("root_id", Text),  # Message-ID of the first mail, for References
    Index("ticket_state", "state_type", "queue"),
    Index("ticket_requester", "requester"),
)

article = Table(
    "article",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("ticket_id", Id, ForeignKey("ticket.id"), nullable=False),
    Column("journal_id", Id),
    Column("time", Time, nullable=False),
    Column("sender", Text, nullable=False),
    Column("sender_name", Text, nullable=False),
    Column("to", JSON, nullable=False),
    Column("cc", JSON, nullable=False),
    Column("direction", String(4), nullable=False),  # in, out, note
    Column("visibility", String(8), nullable=False),  # public, internal
    Column("kind", String(20), nullable=False),
    Column("trust", String(20)),
    Column("message_id", Text),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("reply", Text, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("defects", JSON, nullable=False),
    Index("article_ticket", "ticket_id"),
    Index("article_message_id", "message_id"),
    Index("article_sender", sa_func.lower(sa_text("sender"))),
)

attachment = Table(  # bytes stay in the raw mail; here is what is in it
    "attachment",
    metadata,
    Column("article_id", Id, ForeignKey("article.id"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("filename", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("inline", Boolean, nullable=False),
    Column("content_id", Text),
)

history = Table(
    "history",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("ticket_id", Id, ForeignKey("ticket.id"), nullable=False),
    Column("article_id", Id),
    Column("time", Time, nullable=False),
    Column("actor", Text, nullable=False),
    Column("what", String(40), nullable=False),
    Column("was", Text),
    Column("became", Text),
    Index("history_ticket", "ticket_id"),
    Index("history_actor", sa_func.lower(sa_text("actor"))),
)

link = Table(
    "link",
    metadata,
    Column("ticket_id", Id, ForeignKey("ticket.id"), primary_key=True, autoincrement=False),
    Column("other_id", Id, primary_key=True, autoincrement=False),
    Column("type", String(20), primary_key=True),  # related
)

thread_key = Table(  # every Message-ID that a mail carries or names belongs to one ticket
    "thread_key",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("ticket_id", Id, nullable=False),
    Column("article_id", Id),  # null: named, and not seen yet
    Column("ours", Boolean, nullable=False),  # a relay made it of one of ours
    Column("weak", Boolean, nullable=False),  # came with a mail that only a subject token led here
    Index("thread_key_ours", "ticket_id", **only(OURS)),
)

# --- outgoing mail ----------------------------------------------------------------------------------------------

letter_body = Table(  # one answer to five people is one body
    "letter_body",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("event", String(20), nullable=False),  # acknowledgement, answer, notice, confirm, preview, state, alarm
    Column("ticket_id", Id),
    Column("article_id", Id),  # the article whose words it carries, or which caused it
    Column("recipient", Text, nullable=False),
    Column("envelope_from", Text, nullable=False),
    Column("message_id", Text, nullable=False, unique=True),
    Column("subject", Text, nullable=False),
    Column("headers", LargeBinary, nullable=False),
    Column("body_sha256", String(64), ForeignKey("letter_body.sha256"), nullable=False),
    Column("state", String(10), nullable=False),  # pending, deferred, sent, failed, bounced, held
    Column("held_for", String(10)),  # confirm, relay, shadow, restore
    Column("rank", Integer, nullable=False),  # answers before acknowledgements before notices
    Column("caused_at", Time, nullable=False),  # the decision's clock: windows of the limits are over it
    Column("limited", String(8)),  # acknowledgements: known, unknown sender; null for all else
    Column("created", Time, nullable=False),
    Column("due", Time, nullable=False),
    Column("owner", Text),
    Column("attempt", Integer, nullable=False),
    Column("updated", Time, nullable=False),
    Column("status", String(12)),  # enhanced code (RFC 3463), such as 5.1.1
    Column("error", Text),
    Column("sent", Time),  # when the relay took it; stays where it comes back later
    Column("answer", Text),  # what the relay said then: its own name for it
    Column("tell", Boolean),  # it failed for good, and the owner is not told yet; NULL: there is nothing to tell
    Index("outbox_due", "state", "rank", "due"),
    Index("outbox_article", "article_id"),
    Index("outbox_ticket", "ticket_id"),
    Index("outbox_recipient", "recipient", "event", "caused_at"),
    Index("outbox_tell", "tell"),
    Index("outbox_unsent", "state", "created", "held_for", **only(UNSENT)),
    Index("outbox_failed", "state", "updated", **only(FAILED)),
)

acknowledged = Table(  # how many acknowledgements each minute caused: limits count them, however many there were
    "acknowledged",
    metadata,
    Column("minute", Integer, primary_key=True, autoincrement=False),  # since 1970, by the decision's clock
    Column("limited", String(8), primary_key=True),  # known, unknown sender
    Column("slot", Integer, primary_key=True, autoincrement=False),  # processes that count at once, each in its own
    Column("count", Integer, nullable=False),
)

suppression = Table(  # addresses that a report with a token of their own said do not exist: no mail goes there
    "suppression",
    metadata,
    Column("address", Text, primary_key=True),  # lower case
    Column("since", Time, nullable=False),
    Column("status", String(12), nullable=False),  # enhanced code (RFC 3463)
    Column("message_id", Text, nullable=False),  # of the mail of ours that came back
)

breaker = Table(  # limits of automatic answers that were reached, so that the admin is told once
    "breaker",
    metadata,
    Column("name", Text, primary_key=True),  # the limit, and whose: "per_address anna@acme.example"
    Column("opened", Time, nullable=False),
    Column("last", Time, nullable=False),  # when it last kept an answer back
    Index("breaker_last", "last"),
)

confirmation = Table(  # a mail of ours that only one person has, and what a `#send` in answer to it releases
    "confirmation",
    metadata,
    Column("message_id", Text, primary_key=True),  # of that mail
    Column("ticket_id", Id, nullable=False),
    Column("article_id", Id, nullable=False),  # the held article
    Column("address", Text, nullable=False),
    Column("event", String(10), nullable=False),  # confirm, preview
    Column("command", String(20), nullable=False, server_default=""),  # what it does; empty: the article goes out
    Column("expires", Time, nullable=False),
    Column("used", Time),
    UniqueConstraint("article_id", "address", name="confirmation_once"),
)

alarm = Table(  # troubles that somebody is told of by another way than mail
    "alarm",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("said", Text, nullable=False),
    Column("since", Time, nullable=False),
    Column("told", Time),
    Column("over", Time),
)

beat = Table(  # signs of life, for `status`
    "beat",
    metadata,
    Column("name", String(60), primary_key=True),  # relay, role names
    Column("last_success", Time),
    Column("error", Text),
    Column("error_since", Time),
)

tally = Table(  # what happened how often, ever: counted in the transaction in which it happens
    "tally",
    metadata,
    Column("name", String(40), primary_key=True),  # received, worked, delivered ...
    Column("label", String(60), primary_key=True),  # the door, the verb, the result
    Column("slot", Integer, primary_key=True, autoincrement=False),  # processes that count at once, each in its own
    Column("value", Double, nullable=False),
)
