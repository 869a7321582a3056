"""Mailboxes as people meant them (RFC 5322 section 3.4), and never another person's.

One pass over the field: what stands in angle brackets is the address, all before it is a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from parsing import limits, quoting, words
from parsing.defects import Defects
from parsing.message import Address

# Nearly every field is one of these three.
_SIMPLE = re.compile(
    r"(?:\"([^\"\\=]*)\"|([^\"(),:;<>@\\=\[\]]*))[ \t]*<([^\s\"(),:;<>@\\\[\]=]+)@([A-Za-z0-9.-]+)>\Z",
    re.ASCII,
)
_ENCODED = re.compile(
    r"\"?((?:=\?[^?\s\"]{1,90}\?[bBqQ]\?[^?\s\"]*\?= ?)+)\"?[ \t]*<([^\s\"(),:;<>@\\\[\]=]+)@([A-Za-z0-9.-]+)>\Z"
)
_BARE = re.compile(r"([^\s\"(),:;<>@\\\[\]=]+)@([A-Za-z0-9.-]+)\Z", re.ASCII)
_SPECIAL = re.compile(r"[\"(,:;<]|=\?")
_WORD = re.compile(r"=\?[ \t]{0,3}[^?\s]{0,90}[ \t]{0,3}\?[bBqQ]\?[^?]*\?=")
_PAREN = re.compile(r"[()\\]")
_NEEDLESS = re.compile(r'"([^\s<>()@,;:\\"\[\].]+(?:\.[^\s<>()@,;:\\"\[\].]+)*)"')  # quotes around a dot-atom
_COMMENT = re.compile(r"\([^()]*\)")
_BLANK_DOT = re.compile(r"(@[^\s@]*) \. ")  # RFC 5322 section 4.4: "jdoe@test . example"


def parse(values: Iterable[str], hint: str = "", defects: Defects | None = None) -> tuple[Address, ...]:
    """All mailboxes of the fields, groups opened; values with one character a byte, or decoded ones.

    One that is too long is left out, and said in `defects`: cut, it would be somebody else's.
    """
    found = _read(values, hint)
    kept = tuple([_unmarked(one) for one in found if len(one.address) <= limits.ADDRESS_CHARS])
    if len(kept) < len(found) and defects is not None:
        defects.note(f"an address longer than {limits.ADDRESS_CHARS} characters: it is left out")
    return kept


def _unmarked(one: Address) -> Address:
    """Without the apostrophes that Outlook writes around a whole name; those in a name stay ("D'Arcy")."""
    name = one.name
    if len(name) < 3 or name[0] != "'" or name[-1] != "'" or "' " in name or " '" in name:
        return one
    return Address(name[1:-1].strip(), one.address)


def _read(values: Iterable[str], hint: str) -> list[Address]:
    found: list[Address] = []
    for value in values:
        text = value.strip()
        if "\x1b$" in text:
            text = words.decode(text, hint)  # raw ISO-2022-JP, in whose bytes brackets and quotes are letters
        simple = _SIMPLE.match(text) if text.isascii() else None
        if simple:
            name = simple[1] if simple[1] is not None else simple[2]
            found.append(Address(name.strip(), f"{simple[3]}@{simple[4].lower().rstrip('.')}"))
        elif (bare := _BARE.match(text)) is not None:
            found.append(Address("", f"{bare[1]}@{bare[2].lower().rstrip('.')}"))
        elif (encoded := _ENCODED.match(text)) is not None:
            name = " ".join(words.decode(encoded[1], hint).split()).strip('"').strip()
            found.append(Address(name, f"{encoded[2]}@{encoded[3].lower().rstrip('.')}"))
        elif text:
            found.extend(_Scanner(text, hint).read())
        if len(found) >= limits.ADDRESSES:
            return found[: limits.ADDRESSES]
    return found


def bare(value: str) -> str:
    """The address alone of an envelope-like field (Return-Path), "" for `<>`."""
    found = parse([value.replace("<>", "")])
    return found[0].address if found else ""


class _Scanner:
    """The field read once from left to right; an opening without its end is an ordinary character."""

    def __init__(self, text: str, hint: str) -> None:
        self.text = text
        self.hint = hint
        self.found: list[Address] = []
        self.clear()
        self.waiting = ""  # words before a comma that were no mailbox: "Doe, Jane <j@x.example>"

    def clear(self) -> None:
        self.phrase: list[str] = []
        self.quoted: list[str] = []
        self.comments: list[str] = []
        self.after: list[str] = []  # words after the brackets: a comment without its parentheses, or the next name
        self.angle: str | None = None

    def read(self) -> list[Address]:
        text, position = self.text, 0
        quotes = parens = angles = True
        while len(self.found) < limits.ADDRESSES:
            special = _SPECIAL.search(text, position)
            if special is None:
                self._words(text[position:])
                break
            at = special.start()
            self._words(text[position:at])
            char = special[0]
            position = at + len(char)
            if char == '"' and quotes:
                inside = quoting.INSIDE.match(text, position)
                end = inside.end() if inside else len(text)
                if end < len(text):
                    self._quote(quoting.unescaped(text[position:end]), text[end + 1 : end + 2])
                    position = end + 1
                else:
                    quotes = False
            elif char == "(" and parens:
                end = _closing(text, position)
                if end >= 0:
                    self.comments.append(text[position:end])
                    position = end + 1
                else:
                    parens = False
            elif char == "<" and angles:
                end = text.find(">", position)
                if end < 0:
                    angles = False
                    end = min(
                        (i for i in (text.find(",", position), text.find(";", position)) if i >= 0),
                        default=len(text),
                    )
                position = self._angle(text[position:end], end)
            elif char == "=?":
                word = _WORD.match(text, at)
                if word:
                    self.phrase.append(word[0])
                    position = word.end()
                else:
                    self._words("=?")
            elif char in ",;":
                self._flush(ended=char == ";")
            elif char == ":":
                self._colon()
        self._flush(ended=True)
        return self.found

    def _words(self, text: str) -> None:
        if text and self.angle is None:
            self.phrase.append(text)
        elif text.strip(" \t>") and self.angle is not None:
            if "@" in text and "@" not in self.angle:
                self.angle, self.phrase = None, [text]
            else:
                self.after.append(text)

    def _quote(self, text: str, after: str) -> None:
        if after == "@":  # a quoted local part
            self.quoted.append(text)
            self.phrase.append(f'"{text}"')
        elif self.angle is None:
            self.phrase.append(text if not self.phrase or self.phrase[-1].endswith(" ") else f" {text}")
            self.quoted.append(text)

    def _angle(self, inside: str, end: int) -> int:
        inside = inside.strip().lstrip("<")
        if "(" in inside and '"' not in inside:
            inside = _COMMENT.sub("", inside)  # RFC 5322 appendix A.5
        if inside.startswith("@") and ":" in inside:
            inside = inside.rpartition(":")[2]  # RFC 5322 section 4.4: an obsolete route
        address = "".join(inside.split()) if '"' not in inside else inside
        if address.lower().startswith("mailto:"):
            address = address[7:]
        if self.angle is not None and "@" in self.angle:
            if "@" in address:
                name = self.after
                self.after = []
                self._flush(ended=False)  # a comma that was forgotten
                self.angle, self.phrase = address, name
        else:
            self.angle = address
        return end + 1

    def _colon(self) -> None:
        joined = "".join(self.phrase).strip()
        if self.angle is None and joined.lower().endswith("mailto"):
            self.phrase = [joined[:-6].rstrip("[<"), " "]  # "Jane [mailto:j@x.example]", as Outlook quotes it
        elif self.angle is None and "@" not in joined:
            self.clear()  # RFC 5322 section 3.4: the group's name; its members follow
            self.waiting = ""
        else:
            self._words(":")

    def _flush(self, *, ended: bool) -> None:
        phrase = " ".join("".join(self.phrase).split())
        if self.angle is not None and ("@" in self.angle or self.angle):
            name = self._name(phrase)
            if self.waiting:
                name = f"{self.waiting}, {name}" if name else self.waiting
            self._add(name, self.angle)
            self.waiting = ""
        elif not self.angle and "@" in phrase:
            self._loose(phrase)
            self.waiting = ""
        elif phrase and "=?" in phrase and "@" in (decoded := words.decode(phrase, self.hint)):
            # The whole mailbox was encoded, brackets and all (RFC 2047 section 5 forbids it; some do).
            self.found.extend(parse([decoded]))
            self.waiting = ""
        elif ended:
            local = f"{self.waiting} {phrase}".strip()
            if local and " " not in local and self.angle is None and not self.found:
                self._add(self._name(""), local)  # a local user without a domain
            self.waiting = ""
        elif phrase:
            decoded = self._name(phrase)
            self.waiting = f"{self.waiting}, {decoded}" if self.waiting else decoded
        self.clear()

    def _loose(self, phrase: str) -> None:
        """A mailbox without brackets: the word with the @ is the address, the others a name."""
        if phrase.startswith('"') and self.quoted and f'"{self.quoted[0]}"@' in phrase:
            domain = phrase.partition(f'"{self.quoted[0]}"@')[2].split(" ")[0]
            self._add(self._name(""), f'"{self.quoted[0]}"@{domain}')
            return
        parts = _BLANK_DOT.sub(r"\1.", phrase).split(" ")
        if "@" in parts and 0 < (i := parts.index("@")) < len(parts) - 1:
            parts[i - 1 : i + 2] = ["".join(parts[i - 1 : i + 2])]  # RFC 5322 section 4.4: blanks around the @
        found = [part for part in parts if "@" in part.strip("@")]
        if len(found) > 1:
            for address in found:  # commas that were forgotten; none of them is another's name
                self._add("", address)
        elif found:
            self._add(self._name(" ".join(part for part in parts if part is not found[0])), found[0])

    def _name(self, phrase: str) -> str:
        name = words.decode(phrase, self.hint).strip() if phrase else ""
        if not name and (self.comments or self.after):
            name = words.decode(" ".join(self.comments or self.after), self.hint).strip()
        return " ".join(name.split()).strip('"').strip()

    def _add(self, name: str, address: str) -> None:
        if not address.startswith('"') or address.endswith('"'):
            address = address.strip("'\"<>,; \t")
        if address.startswith("[") or (address.endswith("]") and "[" not in address):
            address = address.strip("[]")
        address = words.decode(address, self.hint)
        local, at, domain = address.rpartition("@")
        address = f"{plain_local(local)}@{domain.lower().rstrip('.')}" if at else address
        if address and (at or (address.isascii() and " " not in address)):  # else it is a name that stands in brackets
            self.found.append(Address(name, address))


def plain_local(local: str) -> str:
    """A local part without quotes that it does not need: all forms of quoting are one mailbox (RFC 5321 4.1.2)."""
    needless = _NEEDLESS.fullmatch(local)
    return needless[1] if needless else local


def _closing(text: str, position: int) -> int:
    """Where the comment opened before `position` ends (they nest), or -1."""
    depth = 1
    while mark := _PAREN.search(text, position):
        position = mark.end()
        if mark[0] == "\\":
            position += 1
        elif mark[0] == "(":
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                return mark.start()
    return -1
