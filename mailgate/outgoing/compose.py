"""From what is to be told to the letters that tell it: one for each recipient, each under its own Message-ID. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from mailgate.desk.people import correspondents
from mailgate.outgoing import fields, mime, subjects
from mailgate.outgoing.rendering import Language, Rendering, Wanted
from parsing.message import Address, Attachment
from routing import tokens
from routing.commands import QUESTIONS
from routing.confirming import CONFIRM_SECONDS
from routing.policy import Policy
from routing.ticket import Ticket
from storage.change import Announcement, Article, Change, HeldFor, Letter

INTERNAL = ("notice", "confirm", "preview", "alarm")  # what only staff get
# Notices that bear no words of a partner's: what somebody answers to them may be meant for a colleague.
WORDLESS = ("apart", "owner", "unowned", "queue", "closed", "reopened", "merged", "bounced")
_ISSUED = {
    ("notice", "note"): "internal",
    ("notice", "unverified"): "internal",
    ("notice", "refused"): "internal",
    **dict.fromkeys((("notice", why) for why in WORDLESS), "told"),
    ("preview", "refused"): "internal",
    ("preview", "ended"): "internal",
    ("preview", "used"): "internal",
    ("preview", "expired"): "internal",
    ("preview", "unasked"): "internal",
    ("acknowledgement", "refused"): "refusal",
}
HUMAN = ("answer",)  # a person's words: no mark of an automatic mail (RFC 3834 section 5)
LONGEST_WORDS = 10_000  # characters of a partner's mail in a notice; the rest is in the ticket
MOST_BYTES = 10_000_000  # of a partner's files in a notice; more would not pass most relays in base64
LONGEST_NAME = 40  # characters of an author's name in From, before "via ..."
LOGO_BYTES = 10_000  # an inline picture below it is a signature's, above it a screenshot
LONGEST_LOCAL = 64  # RFC 5321 section 4.5.3.1.1
THREAD_ARTICLE = 0  # no article has it: the signed id that all mails of a ticket name
LAST_MOMENT = 253_402_214_400.0  # the end of the year 9999: what a date can hold


class Pen:
    """Writes letters. `templates` is the administrator's folder of overriding templates."""

    def __init__(self, policy: Policy, templates: Path | None, rendering: Rendering | None = None) -> None:
        self.policy = policy
        self.rendering = rendering or Rendering(templates)
        self._zone = ZoneInfo(policy.timezone)
        people = (member.name for member in policy.staff.values())
        self._taken = frozenset(map(_alike, (policy.name, *policy.queues, *people)))

    def compose(self, change: Change) -> Change:
        """The change with the letters of its announcements, and with their text in the articles that they are."""
        if not change.announcements:
            return change
        letters: list[Letter] = []
        articles = change.articles
        for told in change.announcements:
            written, text = self._write(told)
            letters += written
            if written and told.event in ("acknowledgement", "state"):
                articles = _filled(articles, told.article_id, text, written[0].message_id)
        return replace(change, articles=articles, letters=(*change.letters, *letters))

    def _write(self, told: Announcement) -> tuple[list[Letter], str]:
        wanted, strings = self._wanted(told)
        carried = _carried(told)
        text, html = self.rendering.render(wanted, self._context(told, strings, carried))
        content, body = mime.body(text, html, carried)
        subject = self._subject(told, strings)
        shared = b"".join((self._who(told), fields.text("Subject", subject), self._thread(told), _marks(told), content))
        date = b"Date: %b\r\n" % self._date(told.time).encode()
        letters = []
        for recipient in dict.fromkeys(told.recipients):
            signed = self._signed(told, recipient)
            message_id = tokens.on_domain(signed, self.policy.domain)
            to = self._to(told, recipient)
            own = b"Message-ID: <%b>\r\n%b%b" % (
                message_id.encode(), self._reply_to(told, signed), self._delivery(told, signed)
            )  # fmt: skip
            headers = b"%b%b%b%b\r\n" % (date, own, to, shared)
            letters.append(
                Letter(
                    told.event,
                    told.ticket.id,
                    told.article_id,
                    recipient,
                    self._envelope_from(told, signed),
                    message_id,
                    subject,
                    headers,
                    body,
                    told.time,
                    self._held_for(told),
                    told.limited,
                )
            )
        return letters, text

    # --- words --------------------------------------------------------------------------------------------------

    def _wanted(self, told: Announcement) -> tuple[Wanted, Language]:
        queue = self.policy.queue(told.ticket.queue)
        first = queue.language if told.event in INTERNAL else told.ticket.language
        languages = tuple(dict.fromkeys((first, queue.language, self.policy.language)))
        issued = issued_as(told)  # an administrator's words for an acknowledgement are none for a refusal
        name = issued if issued == "refusal" else f"{told.event}-{told.why}" if told.why else told.event
        return Wanted(name, queue.name, told.template, languages), self.rendering.language(languages)

    def _context(self, told: Announcement, strings: Language, carried: Sequence[Attachment]) -> dict[str, object]:
        """What templates may say. Nothing internal is among it for a letter that leaves the house."""
        ticket, details, internal = told.ticket, dict(told.details), told.event in INTERNAL
        subject = subjects.bare(ticket.subject, self.policy.token)
        words = told.words if told.event in (*INTERNAL, *HUMAN) else details.get("resolution", "")
        shortened = internal and told.event != "preview" and len(words) > LONGEST_WORDS
        queue = self.policy.queue(ticket.queue)
        return {
            "number": ticket.number,
            "subject": subject if internal else subjects.without_urls(subject),
            "desk": self.policy.name,
            "queue": queue.name,
            "signature": queue.signature.strip() or self._house(told),
            "state": strings.states.get(ticket.state, ticket.state),
            "internal": internal,
            "quoted": told.event not in HUMAN,
            "answerable": told.event == "notice" and bool(ticket.requester) and issued_as(told) != "internal",
            "inside": issued_as(told) == "internal",
            "waits": issued_as(told) == "told",
            "words": words[:LONGEST_WORDS].strip() if shortened else words.strip(),
            "shortened": shortened,
            "own": details.get("own", "").strip() if internal else "",
            "kept_out": fields.clean(details.get("kept_out", "")) if internal else "",
            "attachments": self._files(told, strings, carried) if internal else (),
            "owner": self._person(ticket.owner) if internal else "",
            "requester": (ticket.requester or "") if internal else "",
            "readers": self._readers(ticket) if internal else "",
            "partner": (ticket.partner or "") if internal else "",
            "author": self._author(told, strings) if internal else "",
            "was": details.get("was", ""),
            "became": self._person(details.get("became")) if internal else details.get("became", ""),
            "resolution": details.get("resolution", ""),
            "recipient": details.get("recipient", ""),
            "status": details.get("status", ""),
            "doubted": details.get("doubted", ""),
            "typed": details.get("typed", ""),
            "linked": details.get("linked", ""),
            "reply_does": self._reply_does(told, strings) if told.event == "state" else "",
            "because": strings.because.get(details.get("because", ""), ""),
            "expires": self._moment(told.time + CONFIRM_SECONDS) if told.event in QUESTIONS else "",
        }

    def _readers(self, ticket: Ticket) -> str:
        """Everybody whom an answer in that ticket goes to."""
        requester, cc = correspondents(ticket, self.policy)
        return ", ".join(fields.clean(a.address) for a in (requester, *cc)) if requester else ""

    def _reply_does(self, told: Announcement, strings: Language) -> str:
        """What a reply to the closed ticket does in its queue, until when, and later."""
        queue = self.policy.queue(told.ticket.queue)
        if queue.closed_reply == "reopen":
            return strings.reply_does["reopen"]
        if not queue.closed_reply_after:
            return strings.reply_does[queue.closed_reply]
        until = self._moment((told.ticket.closed or told.time) + queue.closed_reply_after)
        return strings.reply_does[f"{queue.closed_reply}_later"].format(until=until)

    def _author(self, told: Announcement, strings: Language) -> str:
        """Whose words they are, and how sure that is."""
        if told.author is None:
            return self.policy.name
        name, address = self._speaker(told.author), fields.clean(told.author.address)
        if any(words in name for words in strings.trust.values()):
            name = ""  # how sure it is, is not for him to say
        who = f"{name} <{address}>" if name and address else name or address
        sure = strings.trust.get(told.trust or "")
        return f"{who} ({sure})" if sure else who

    def _speaker(self, author: Address) -> str:
        """The name that somebody goes by: a member of staff by the settings', anybody else by his own.

        Who writes from outside under a name of the house has none.
        """
        member = self.policy.staff.get((author.address or author.name).lower())
        if member is not None:
            return member.name
        name = fields.clean(author.name)
        return "" if author.address and _alike(name) in self._taken else name

    def _person(self, address: str | None) -> str:
        """A member of staff by name; anybody else as he is."""
        return self._speaker(Address("", address)) or fields.clean(address) if address else ""

    def _files(self, told: Announcement, strings: Language, carried: Sequence[Attachment]) -> list[str]:
        missing = "" if carried else f", {strings.say['left_out']}"
        return [f"{fields.filename(a.filename)} ({_size(a.size)}{missing})" for a in _shown(told)]

    # --- headers ------------------------------------------------------------------------------------------------

    def _subject(self, told: Announcement, strings: Language) -> str:
        """In a list of mails the one that wants something done differs from the notice beside it."""
        number, style, token = told.ticket.number, self.policy.token, self.policy.subject_token
        if told.event in INTERNAL:
            by_why = told.event == "preview" or told.why == "bounced"
            wants = (strings.subjects.get(told.why) if by_why else "") or strings.subjects.get(told.event, "")
            subject = subjects.of_notice(told.ticket.subject, number, token, style)
            return f"{wants}: {subject}" if wants else subject
        return subjects.of_answer(told.subject or told.ticket.subject, number, token, style)

    def _who(self, told: Announcement) -> bytes:
        """From: always our own address (MAIL 6), under the name of who speaks."""
        house = self._house(told)
        name = self._speaker(told.author) if told.author and told.event in ("answer", "notice") else ""
        if told.author and not name and told.event == "notice":
            local, _, domain = fields.clean(told.author.address).rpartition("@")
            name = f"{local} ({domain})" if local else ""
        if name and "@" not in name and name != self.policy.name:  # an address as a name is what forgers do
            house = f"{name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + '…'} via {house}"
        return fields.addresses("From", (Address(house, self.policy.queue(told.ticket.queue).address),))

    def _house(self, told: Announcement) -> str:
        """A queue with an address of its own speaks in its own name, all others in the desk's."""
        queue = self.policy.queue(told.ticket.queue)
        return self.policy.name if queue.address == self.policy.address else queue.name

    def _to(self, told: Announcement, recipient: str) -> bytes:
        """As a colleague would see them. A name that a stranger gave himself is no place for advertising."""
        to = [Address(_named(a.name), a.address) for a in told.to or (Address("", recipient),)]
        cc = [Address(_named(a.name), a.address) for a in told.cc]
        return fields.addresses("To", to) + (fields.addresses("Cc", cc) if cc else b"")

    def _thread(self, told: Announcement) -> bytes:
        """In-Reply-To and References (RFC 5322 section 3.6.4), with a signed id of the ticket's before the parent.

        Clients that drop all but a few, and relays that replace the Message-ID, still leave one that we know (MAIL 9).
        """
        if told.event in QUESTIONS:
            return b""
        domain = self.policy.domain
        ours = tokens.message_id(self.policy.keys, threaded_as(told), told.ticket.id, THREAD_ARTICLE, "", domain)
        before = [i for i in told.references if i != told.in_reply_to]
        chain = [*before, ours, told.in_reply_to] if told.in_reply_to else [*before, ours]
        return fields.ids("In-Reply-To", chain[-1:]) + fields.ids("References", chain)

    def _envelope_from(self, told: Announcement, signed: str) -> str:
        address = self.policy.queue(told.ticket.queue).address
        if self.policy.envelope == "null" and told.event not in HUMAN:
            return ""
        if self.policy.envelope == "verp":
            proof = tokens.proof(self.policy.keys, signed)
            return _suffixed(address, proof) or address
        return address

    def _reply_to(self, told: Announcement, signed: str) -> bytes:
        """An address that leads to the ticket and says what is answered, as the Message-ID does."""
        address = self.policy.queue(told.ticket.queue).address
        plus = _suffixed(address, signed) if self.policy.reply_address == "plus" else None
        return fields.addresses("Reply-To", (Address(self._house(told), plus),)) if plus else b""

    def _signed(self, told: Announcement, recipient: str) -> str:
        return tokens.sign(self.policy.keys, issued_as(told), told.ticket.id, told.signed_as, recipient)

    def _delivery(self, told: Announcement, signed: str) -> bytes:
        """What a report returns and no answer does, so that it proves whose address it is about (MAIL 8)."""
        if told.event in INTERNAL:
            return b""
        return b"X-Mailgate-Delivery: %b\r\n" % tokens.proof(self.policy.keys, signed).encode()

    def _held_for(self, told: Announcement) -> HeldFor | None:
        return told.held_for or self.policy.holds

    def _date(self, time: float) -> str:
        return format_datetime(datetime.fromtimestamp(min(max(time, 0.0), LAST_MOMENT), self._zone))

    def _moment(self, time: float) -> str:
        """A moment in plain form and in the desk's time zone."""
        moment = datetime.fromtimestamp(min(max(time, 0.0), LAST_MOMENT), self._zone)
        return f"{moment:%Y-%m-%d %H:%M} {moment.tzname()}"


def _alike(name: str) -> str:
    """A name as people tell it from others."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _suffixed(address: str, suffix: str) -> str | None:
    """The address with that +suffix (RFC 5233); None where it would be too long."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{suffix}@{domain}" if len(local) + 1 + len(suffix) <= LONGEST_LOCAL else None


def issued_as(told: Announcement) -> str:
    """What its signed id says that it is: of some letters more than their event, since that decides about answers."""
    return _ISSUED.get((told.event, told.why), told.event)


def threaded_as(told: Announcement) -> str:
    """What the signed id says that all mails of a ticket's conversation name: of a relay's new ids it alone is left."""
    issued = issued_as(told)
    return issued if issued in ("internal", "told") else "notice"


def _marks(told: Announcement) -> bytes:
    """What says that nobody typed it (RFC 3834 section 5), and that an autoresponder should keep silent."""
    number = told.ticket.number
    ours = f"X-Mailgate-Event: {told.event}\r\nX-Mailgate-Ticket: {fields.clean(number)}\r\n".encode()
    if told.event in HUMAN:
        return ours
    submitted = b"auto-replied" if told.event == "acknowledgement" else b"auto-generated"
    return b"%bAuto-Submitted: %b\r\nX-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply\r\n" % (ours, submitted)


def _shown(told: Announcement) -> list[Attachment]:
    """Files worth naming: not the pictures of a signature."""
    return [a for a in told.attachments if not a.inline or a.size >= LOGO_BYTES]


def _carried(told: Announcement) -> list[Attachment]:
    """Files that go along: all of an answer's; a partner's in a notice, while they are not too large together."""
    if told.event in HUMAN:
        return list(told.attachments)
    shown = _shown(told) if told.event == "notice" else []
    return shown if sum(a.size for a in shown) <= MOST_BYTES else []


def _filled(articles: tuple[Article, ...], article_id: int | None, text: str, message_id: str) -> tuple[Article, ...]:
    return tuple(
        replace(a, text=text, reply=text, message_id=message_id) if a.id == article_id else a for a in articles
    )


def _named(name: str) -> str:
    return "" if "@" in name else subjects.without_urls(fields.clean(name))


def _size(count: int) -> str:
    """Bytes as people say them; MB is 1,000,000 bytes."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
