"""Answers to a mail of ours as mail clients write them: where the new words stand, and how the quote is marked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage, Message
from typing import Literal

Style = Literal["top", "bottom", "inline"]
Quoted = tuple[str, str]  # text and HTML of a whole answer


@dataclass(frozen=True, slots=True)
class Original:
    """The mail that is answered: its text, what is in its HTML body, and what the client says of it."""

    text: str
    html: str
    sender: str
    address: str
    subject: str

    @classmethod
    def of(cls, letter: Message) -> Original:
        parts = {part.get_content_type(): part for part in letter.walk() if not part.is_multipart()}
        text, html = (
            parts[kind].get_payload(decode=True).decode("utf-8").replace("\r\n", "\n")  # type: ignore[union-attr]
            for kind in ("text/plain", "text/html")
        )
        inner = re.search(r"<body[^>]*>(.*)</body>", html, re.DOTALL)
        assert inner is not None
        return cls(text.strip("\n"), inner[1].strip(), "Example Service Desk", "help@desk.example", letter["Subject"])

    def without_head(self) -> Original:
        """As a member leaves it who deletes our line and what stands beside it, and keeps the rest."""
        text = self.text.split("\n\n", 2)[2]
        html = self.html.split("</p>", 1)[1]
        return Original(text, html, self.sender, self.address, self.subject)

    def halves(self) -> tuple[str, str]:
        """The text, parted where somebody puts his words between: after the first line that says who wrote."""
        head, _, rest = self.text.partition(":\n")
        assert rest, "a notice says who wrote"
        return f"{head}:", rest.strip("\n")

    def html_halves(self) -> tuple[str, str]:
        head, _, tail = self.html.partition("</p>\n<div")
        return head + "</p>", "<div" + tail


def _arranged(style: Style, new: str, intro: str, quote: tuple[str, str], joint: str) -> str:
    """Words over the quote, under it, or inside it."""
    first, second = quote
    match style:
        case "top":
            return f"{new}{joint}{intro}{first}{joint}{second}"
        case "bottom":
            return f"{intro}{first}{joint}{second}{joint}{new}"
    return f"{intro}{first}{joint}{new}{joint}{second}"


def _prefixed(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def gmail(mail: Original, new: str, style: Style) -> Quoted:
    intro = f"On Mon, Jan 5, 2026 at 9:00 AM {mail.sender} <{mail.address}>\nwrote:\n\n"
    first, second = mail.halves()
    text = _arranged(style, new, intro, (_prefixed(first), _prefixed(second)), "\n\n")
    attr = (
        f'<div dir="ltr" class="gmail_attr">On Mon, Jan 5, 2026 at 9:00 AM {mail.sender} &lt;'
        f'<a href="mailto:{mail.address}">{mail.address}</a>&gt; wrote:<br></div>'
    )
    open_ = '<blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204)">'
    a, b = mail.html_halves()
    quote = (f"{open_}{a}", f"{b}</blockquote>")
    if style == "inline":
        quote = (f"{open_}{a}</blockquote>", f"{open_}{b}</blockquote>")
    body = _arranged(style, f'<div dir="ltr">{new}</div>', f'<div class="gmail_quote">{attr}', quote, "\n")
    return text, f"{body}</div>"


def apple_mail(mail: Original, new: str, style: Style) -> Quoted:
    intro = f"> On 5 Jan 2026, at 09:00, {mail.sender} <{mail.address}> wrote:\n> \n"
    first, second = mail.halves()
    text = _arranged(style, new, intro, (_prefixed(first), _prefixed(second)), "\n\n")
    a, b = mail.html_halves()
    said = f"<div>On 5 Jan 2026, at 09:00, {mail.sender} &lt;{mail.address}&gt; wrote:</div>"
    said += '<br class="Apple-interchange-newline">'
    quote = (f'<blockquote type="cite">{said}<div>{a}', f"{b}</div></blockquote>")
    if style == "inline":
        quote = (f"{quote[0]}</div></blockquote>", f'<blockquote type="cite"><div>{b}</div></blockquote>')
    body = _arranged(style, f"<div>{new}</div>", "<div><br>", quote, "<br>")
    return text, f'<html><body style="overflow-wrap: break-word;">{body}</div></body></html>'


def thunderbird(mail: Original, new: str, style: Style) -> Quoted:
    intro = f"On 1/5/26 9:00 AM, {mail.sender} wrote:\n"
    first, second = mail.halves()
    text = _arranged(style, new, intro, (_prefixed(first), _prefixed(second)), "\n\n")
    a, b = mail.html_halves()
    said = f'<div class="moz-cite-prefix">On 1/5/26 9:00 AM, {mail.sender} wrote:<br></div>'
    cite = '<blockquote type="cite" cite="mid:notice@desk.example">'
    quote = (f"{cite}{a}", f"{b}</blockquote>")
    if style == "inline":
        quote = (f"{cite}{a}</blockquote>", f"{cite}{b}</blockquote>")
    return text, f"<html><body>{_arranged(style, f'<p>{new}</p>', said, quote, '<br>')}</body></html>"


def _labels(mail: Original, open_: str = "", close: str = "", end: str = "\n") -> str:
    values = (
        ("From", f"{mail.sender} <{mail.address}>"),
        ("Sent", "Monday, January 5, 2026 9:00 AM"),
        ("To", "First Agent <agent@desk.example>"),
        ("Subject", mail.subject),
    )
    if open_:
        values = tuple((k, v.replace("<", "&lt;").replace(">", "&gt;")) for k, v in values)  # type: ignore[assignment]
    return end.join(f"{open_}{name}:{close} {value}" for name, value in values)


def outlook(mail: Original, new: str, style: Style) -> Quoted:
    """Outlook for Windows: Word's HTML, the quote under a line and unmarked in the text."""
    text = _arranged(style, new, f"{_labels(mail)}\n\n", mail.halves(), "\n\n")
    head = (
        "<div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in'><p class=MsoNormal>"
        f"{_labels(mail, '<b>', '</b>', '<br>')}<o:p></o:p></p></div></div><p class=MsoNormal><o:p>&nbsp;</o:p></p>"
    )
    words = f"<p class=MsoNormal>{new}<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p>"
    body = _arranged(style, words, head, mail.html_halves(), "\n")
    return text, f"<html><body lang=EN-US><div class=WordSection1>{body}</div></body></html>"


def _web(mail: Original, new: str, style: Style, words: str, signature: tuple[str, str]) -> Quoted:
    rule = "________________________________\n"
    text = _arranged(style, f"{new}{signature[0]}", f"{rule}{_labels(mail)}\n\n", mail.halves(), "\n\n")
    head = (
        '<div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1">'
        '<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif" style="font-size:11pt" color="#000000">'
        f"{_labels(mail, '<b>', '</b>', '<br>')}</font><div>&nbsp;</div></div>"
    )
    return text, f"<html><body>{_arranged(style, words + signature[1], head, mail.html_halves(), '')}</body></html>"


def outlook_web(mail: Original, new: str, style: Style) -> Quoted:
    """Outlook on the web, and the new one for Windows."""
    words = f'<div class="elementToProof" style="font-family: Aptos, sans-serif; font-size: 12pt;">{new}</div>'
    return _web(mail, new, style, words, ("", ""))


def outlook_mobile(mail: Original, new: str, style: Style) -> Quoted:
    signature = (
        "\n\nGet Outlook for iOS<https://aka.ms/o0ukef>",
        '<div id="ms-outlook-mobile-signature">Get <a href="https://aka.ms/o0ukef">Outlook for iOS</a></div>',
    )
    return _web(mail, new, style, f'<div dir="auto">{new}</div>', signature)


CLIENTS: dict[str, Callable[[Original, str, Style], Quoted]] = {
    "Outlook": outlook,
    "Outlook on the web": outlook_web,
    "Outlook mobile": outlook_mobile,
    "Gmail": gmail,
    "Apple Mail": apple_mail,
    "Thunderbird": thunderbird,
}


def answer(letter: Message, quoted: Quoted, sender: str, number: int, parts: str) -> bytes:
    """The answer as it is sent; `parts` is "both", "text" or "html"."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, letter["From"], f"Re: {letter['Subject']}"
    mail["Date"], mail["Message-ID"] = "Mon, 5 Jan 2026 10:00:00 +0000", f"<answer{number}@desk.example>"
    mail["In-Reply-To"], mail["References"] = letter["Message-ID"], letter["Message-ID"]
    text, html = quoted
    if parts == "html":
        mail.set_content(html, subtype="html")
        return mail.as_bytes()
    mail.set_content(text)
    if parts == "both":
        mail.add_alternative(html, subtype="html")
    return mail.as_bytes()
