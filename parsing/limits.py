"""How much of a mail is read: past a limit the reading stops, says so in `defects`, and what was read stands.

The raw mail is always kept whole elsewhere; these bound the time and memory of one parse, whatever is sent.
"""

# A header block in bytes. Exchange refuses more than 256 KB; real ones with many hops and ARC sets stay under 40 KB.
HEADER_BYTES = 256 * 1024

# Header fields in one block. Real mails have fewer than 150.
HEADER_FIELDS = 2_000

# One unstructured field in bytes (subject, references). RFC 5322 section 2.1.1 knows lines only, so this is ours.
FIELD_BYTES = 64 * 1024

# One MIME field in bytes; a file name of 255 characters in RFC 2231 form takes 3 KB.
MIME_FIELD_BYTES = 16 * 1024

# Parameters of one MIME field, continuations (RFC 2231 section 3) counted one by one.
PARAMETERS = 500

# Mailboxes read from all fields of one kind; mails to more recipients come through lists.
ADDRESSES = 2_000

# An address in characters: 64 before the @ and 255 after it (RFC 5321 section 4.5.3.1).
ADDRESS_CHARS = 320

# A Message-ID in characters: it stands in one line (RFC 5322 section 2.1.1), and an index of PostgreSQL takes 2.7 KB.
ID_CHARS = 998

# Message-IDs read from References. Clients keep 20 to 100; the last ones are those that thread.
MESSAGE_IDS = 500

# Parts of one mail; a mail with 300 attached pictures is the largest seen.
PARTS = 1_000

# Multiparts within multiparts. Real mails reach 6, a chain of gateways 10.
DEPTH = 100

# Mails within mails: they are kept as files and not taken apart, so this only says that a mail is odd. Looked for in
# so many bytes of it.
MAILS = 100
MAILS_BYTES = 1_000_000

# A boundary in bytes. RFC 2046 section 5.1.1 allows 70; some writers pass it.
BOUNDARY_BYTES = 250

# What is read of a multipart whose boundary is not named, for the line that is one. "This is a MIME-encapsulated
# message" takes 35 bytes, Notes and the like up to 300.
PREAMBLE_BYTES = 1_000

# Header bytes of a single part: the same fields as above, without the trace.
PART_HEADER_BYTES = 64 * 1024

# Body text in bytes, of all text parts together; a novel is 1 MB.
TEXT_BYTES = 2_000_000

# HTML in bytes that is turned into text, and tags in it. Outlook's longest threads reach 1 MB.
HTML_BYTES = 2_000_000
HTML_TAGS = 100_000

# Attachments unpacked from one winmail.dat, and the bytes of its compressed text once unpacked.
TNEF_ATTACHMENTS = 200
TNEF_TEXT_BYTES = 2_000_000

# Authentication-Results read from one mail: one a hop is usual. Methods of one: dkim once a signature.
AUTH_RESULTS = 50
AUTH_METHODS = 50

# Properties of a calendar part that are looked at: an invitation has under 200 lines.
CALENDAR_LINES = 5_000
