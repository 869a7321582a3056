"""Tell an out-of-office and its like, with the marks of RFC 3834 or by their words alone."""

from __future__ import annotations

from collections.abc import Mapping, Set

from parsing import away, forwards, phrases
from parsing.message import ParsedMessage

OPENING = 200  # characters in which an out-of-office says what it is: a salutation and a sentence
WHOLE = 1_000  # characters in which it says what happens meanwhile
QUOTED = 16  # characters that text may have beside reply and signature, and quote nothing

# Headers that responders write beside or instead of Auto-Submitted; any value but "no" counts.
_HEADERS = frozenset(
    [
        "x-autoreply",
        "x-autorespond",
        "x-autoresponder",
        "x-auto-reply",
        "x-auto-responder",
        "x-mail-autoreply",
        "x-autoreply-from",
        "x-autoreply-domain",
        "x-cron-autoreply",
        "x-vacation",
        "x-out-of-office",
    ]
)
_QUESTIONS = frozenset("?？؟\u037e")  # the last is the Greek one
BULK = frozenset(("bulk", "junk"))  # values of Precedence
_NONE: Set[str] = frozenset()
_begins_with_absence = phrases.finder(
    phrases.ABSENCE_SUBJECTS,
    before=r"^\W*",
    after=r"\s*(?:$|[:：;!|*()>\[\]–—-]|(?:re|aw|sv|antw|from|until|bis|vom|du|au)\b|\d)",  # "Out of Office: Printer"
)
_begins_with_label = phrases.finder(phrases.ABSENCE_LABELS, before=r"^\W*(?:\S+ )?\S*")
_begins_with_noun = phrases.finder(
    phrases.ABSENCE_NOUNS, before=r"^\W*", after=r"\s*(?:[:：\]]|(?:until|bis|vom|ab|jusqu|hasta|fino|tot|até|do)\b|\d)"
)
_is_labelled = phrases.finder(phrases.ABSENCE_SUBJECTS, before=r"^\s*[\[(<]\s*", after=r"\s*[\])>]")
_is_absence = phrases.finder(phrases.ABSENCE_SUBJECTS, before=r"^\W*", after=r"[\s.!:]*$")
_says_absent = phrases.finder(phrases.ABSENCE_OPENINGS)
_promises = phrases.finder(phrases.ABSENCE_PROMISES)


def reason(message: ParsedMessage, fields: Mapping[str, str], submitted: str) -> str | None:
    """Why this mail is an automatic answer, in a sentence, or None.

    `fields` are its headers by lower-case name, `submitted` is what Auto-Submitted says, in lower case.
    """
    if submitted.startswith("auto-replied"):
        return "Auto-Submitted says auto-replied (RFC 3834)."
    for name in _HEADERS & fields.keys():
        if fields[name].strip().lower() != "no":
            return f"{name.title()} says that a responder wrote it."
    precedence = precedences(message) if "precedence" in fields else _NONE
    if precedence & {"auto_reply", "auto-reply", "autoreply"}:
        return "Precedence says that a responder wrote it."
    # On mails of people too: never enough alone.
    return _by_words(message, "x-auto-response-suppress" in fields or bool(precedence & BULK))


def precedences(message: ParsedMessage) -> Set[str]:
    """What all Precedence fields say, in lower case."""
    return {value.strip().lower() for value in message.header_all("Precedence")}


def _by_words(message: ParsedMessage, marked: bool) -> str | None:
    answer = bool(message.in_reply_to or message.references)
    subject = message.subject[:200]
    absent = begins_as_one(subject)
    whole = message.reply or message.text
    asks = not _QUESTIONS.isdisjoint(whole)
    if absent and (answer or marked or message.return_path == "" or (_is_absence(subject) and not asks)):
        return "The subject is that of an automatic answer."
    if absent and not asks and _is_labelled(subject):  # "[Auto-Reply] Printer"
        return "The subject is labelled as that of an automatic answer."
    if absent and not asks and _begins_with_label(subject) and away.is_courteous(whole[:WHOLE]):
        return "The subject and the words are those of an automatic answer."
    if not (absent or answer or forwards.is_reply_subject(subject)) or _quotes(message):
        return None
    words = whole[:WHOLE]
    if _says_absent(words[:OPENING]) and (absent or marked or _promises(words)):
        return "It answers with the words of an out-of-office."
    if away.says_only_that(whole) or (absent and away.may_say_that(whole)):
        return "It answers only that its author is away, and until when."
    return None


def begins_as_one(subject: str) -> bool:
    """Whether a subject begins as those of automatic answers do: "Automatic reply: Printer", "Urlaub bis 3.12."."""
    return bool(_begins_with_absence(subject) or _begins_with_noun(subject))


def _quotes(message: ParsedMessage) -> bool:
    """Whether the mail quotes another: people's clients do, responders seldom."""
    kept = len("".join(message.reply.split())) + len("".join(message.signature.split()))
    return len("".join(message.text.split())) > kept + QUOTED
