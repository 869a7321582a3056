"""The header block: split into fields, unfolded; and the structured fields of MIME (RFC 2045, RFC 2231)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from parsing import charsets, limits, quoting, words
from parsing.defects import Defects

NUL_BYTES = "NUL bytes were taken out"  # RFC 5322 section 4 allows them nowhere any more; databases take none

Fields = list[tuple[str, str]]  # name as written, value with one character a byte, unfolded

_FIELD = re.compile(r"([!-9;-~]+)[ \t]*:")  # RFC 5322 section 3.6.8, and the blanks of section 4.5.3
_FIELDS = re.compile(r"^([!-9;-~]+)[ \t]*:[ \t]*(.*)$", re.MULTILINE)
_FOLD = re.compile(r"\n[ \t]+")
_CONTINUED = re.compile(r"(.*?)\*(\d{1,4})(\*?)\Z", re.DOTALL)
_TYPE = re.compile(r"\s*\"?([\w!#$&^.+-]+)\s*/\s*([\w!#$&^.+-]+)", re.ASCII)
_ID = re.compile(r"<([^<>]+)>")
_COMMENT = re.compile(r"(<[^<>]*>)|\([^()]*\)")
_EXTENDED = re.compile(r"[\w.-]{2,40}'[\w-]{0,20}'.*%[0-9A-Fa-f]{2}", re.ASCII)


def find_end(raw: bytes, start: int, stop: int, crlf: bool) -> tuple[int, int]:
    """(end of the block, start of the body) from `start`; both are `stop` where no empty line ends it."""
    if raw.startswith(b"\r\n", start):
        return start, start + 2
    if raw.startswith(b"\n", start):
        return start, start + 1
    first, second = (b"\n\r\n", b"\n\n") if crlf else (b"\n\n", b"\n\r\n")
    end = raw.find(first, start, stop)
    other = raw.find(second, start, end if end >= 0 else stop)
    if other >= 0:
        return other + 1, other + 1 + len(second) - 1
    return (stop, stop) if end < 0 else (end + 1, end + len(first))


def split(block: bytes, defects: Defects | None = None) -> tuple[Fields, int]:
    """The fields of a block, and how many of its bytes at the end are no header but the body already."""
    defects = Defects() if defects is None else defects
    fields, tail = _split(block, defects)
    if b"\0" in block:
        fields = [(name, value.replace("\0", "")) for name, value in fields]
        defects.note(NUL_BYTES)
    return fields, tail


def _split(block: bytes, defects: Defects) -> tuple[Fields, int]:
    text = block.decode("latin-1")
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        if "\r" in text:
            text = text.replace("\r", "\n")
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    if len(text) <= limits.FIELD_BYTES:
        # Nearly every block is fields only: one sweep finds as many as there are lines.
        found = _FIELDS.findall(text)
        if len(found) == text.count("\n") + (not text.endswith("\n")) and len(found) <= limits.HEADER_FIELDS:
            if " \n" in text or "\t\n" in text or text[-1:] in (" ", "\t"):
                found = [(name, value.strip()) for name, value in found]
            return found, 0
    fields: Fields = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        field = _FIELD.match(line)
        if field is None:
            if not line.strip() or (number == 0 and line.startswith(("From ", ">From "))):
                continue
            after = next((other for other in lines[number + 1 : number + 2]), "")
            if fields and not _is_delimiter(line, fields) and _FIELD.match(after):
                # A fold that lost its blank.
                fields[-1] = (fields[-1][0], f"{fields[-1][1]} {line.strip()}")
                defects.note("a header line without a name")
                continue
            defects.note("no empty line between header and body")
            return fields, len(_tail(block, line))
        if len(fields) == limits.HEADER_FIELDS:
            defects.note(f"more than {limits.HEADER_FIELDS} header fields: the rest was not read")
            break
        value = line[field.end() :].strip()
        if len(value) > limits.FIELD_BYTES:
            value = value[: limits.FIELD_BYTES]
            defects.note(f"header field {field[1][:40]} longer than {limits.FIELD_BYTES} bytes: cut")
        fields.append((field[1], value))
    return fields, 0


def _is_delimiter(line: str, fields: Fields) -> bool:
    """Whether a line opens the first part of a body whose empty line before it was taken for a fold."""
    named = line[2:].strip()
    return line.startswith("--") and bool(named) and named in first(fields, "content-type")


def _tail(block: bytes, line: str) -> bytes:
    start = block.rfind(line[:200].encode("latin-1"))
    return block[start:] if start >= 0 else b""


def by_name(fields: Fields) -> dict[str, list[str]]:
    """The values of each field from the top, by its name in lower case."""
    found: dict[str, list[str]] = {}
    for name, value in fields:
        found.setdefault(name.lower(), []).append(value)
    return found


def first(fields: Fields, name: str) -> str:
    """The value of the topmost field of that lower-case name, or ""."""
    for key, value in fields:
        if len(key) == len(name) and key.lower() == name:
            return value
    return ""


def message_ids(values: Iterable[str]) -> tuple[str, ...]:
    """The ids of Message-ID, In-Reply-To or References fields, without brackets, comments and words left out.

    An id in no brackets counts where there is none in brackets (RFC 5322 section 3.6.4).
    """
    found: dict[str, None] = {}
    for value in values:
        if "=?" in value:
            value = words.decode(value)  # RFC 2047 section 5 forbids it, and relays fold long fields so
        if "(" in value:
            value = _COMMENT.sub(lambda found: found[1] or " ", value)
        ids = _ID.findall(value)
        for item in ids or _bare(value):
            squeezed = "".join(item.split())
            if squeezed and len(squeezed) <= limits.ID_CHARS:
                found[squeezed] = None
    everything = tuple(found)
    return everything[-limits.MESSAGE_IDS :]


def message_id(value: str) -> str | None:
    """The id of a Message-ID field; one word without brackets and @ is one too, as some devices write it."""
    ids = message_ids([value])
    if ids:
        return ids[0]
    word = value.strip("<> \t")
    return word if word.isprintable() and len(word.split()) == 1 and len(word) <= limits.ID_CHARS else None


def has_long_id(values: Iterable[str]) -> bool:
    """Whether one of the ids is longer than any that is read."""
    long = [value for value in values if len(value) > limits.ID_CHARS]
    return any(len("".join(item.split())) > limits.ID_CHARS for value in long for item in re.split("[<>]+", value))


def _bare(value: str) -> list[str]:
    """The words of a field that is nothing but ids; in a sentence, what has an @ is somebody's address."""
    found = value.partition("(")[0].replace(",", " ").replace("<", " ").replace(">", " ").replace('"', " ").split()
    return found if all("@" in word for word in found) else []


def mime_value(value: str, hint: str = "") -> tuple[str, tuple[tuple[str, str], ...]]:
    """A MIME field as (value in lower case, parameters): `text/plain; charset="utf-8"` (RFC 2045 section 5.1)."""
    if len(value) <= _OFTEN_BYTES:
        return _often(value, hint)
    return _mime_value(value[: limits.MIME_FIELD_BYTES], hint)


def _mime_value(value: str, hint: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    head, found, rest = value.partition(";")
    if "=" in head and _ASSIGNED.match(head):
        return "", parameters(value, hint)  # "filename=a.pdf": the value was forgotten
    if not found:
        # "text/plain charset=utf-8": a semicolon that was forgotten.
        head, blank, rest = value.strip().partition(" ")
        if not blank or "=" not in rest:
            return value.strip().lower(), ()
    return head.strip().lower(), parameters(rest, hint)


_ASSIGNED = re.compile(r"\s*[\w*-]+\s*=")
_OFTEN_BYTES = 80  # fields without a boundary or a long name, which are the same in most mails
_often = lru_cache(maxsize=1024)(_mime_value)


def content_type(value: str) -> str:
    """`type/subtype` of a Content-Type value, or "" where it is none."""
    kind = _TYPE.match(value)
    return f"{kind[1]}/{kind[2]}".lower() if kind else ""


def parameters(text: str, hint: str = "") -> tuple[tuple[str, str], ...]:
    """Parameters in order, decoded: RFC 2231 continuations joined, RFC 2047 words in values tolerated."""
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, value in _pairs(text):
        if "*" not in name:
            if "'" in value and _EXTENDED.match(value):
                value = _joined({0: (value, True)}, hint)  # the star was forgotten
            plain.setdefault(name, words.decode(value, hint))
            continue
        continued = _CONTINUED.match(name)
        if continued:
            pieces.setdefault(continued[1], {}).setdefault(int(continued[2]), (value, bool(continued[3])))
        elif name.endswith("*"):
            pieces.setdefault(name[:-1], {}).setdefault(0, (value, True))
    for name, parts in pieces.items():
        plain[name] = _joined(parts, hint)  # RFC 2231 beats the plain form beside it (RFC 6266 section 4.3)
    return tuple(plain.items())


def _pairs(text: str) -> Iterable[tuple[str, str]]:
    position, count = 0, 0
    while position < len(text) and count < limits.PARAMETERS:
        equals = text.find("=", position)
        if equals < 0:
            return
        name = text[position:equals].rpartition(";")[2].strip().lower()
        position = equals + 1
        while text[position : position + 1] in (" ", "\t"):
            position += 1
        if text[position : position + 1] == '"':
            quoted = quoting.INSIDE.match(text, position + 1)
            end = quoted.end() if quoted else len(text)
            value = text[position + 1 : end]
            if "\\" in value:
                value = _unescape(value)
            after = text.find(";", end + 1)
        else:
            after = text.find(";", position)
            value = text[position : after if after >= 0 else len(text)].strip()
        position = after + 1 if after >= 0 else len(text)
        count += 1
        if name:
            yield name, value


def _unescape(value: str) -> str:
    """Quoted pairs resolved; the backslashes of a Windows path, which nobody escapes, left alone."""
    if re.match(r"[A-Za-z]:\\[^\\]|\\\\[^\\]", value):
        return value
    return quoting.unescaped(value)


def _joined(parts: dict[int, tuple[str, bool]], hint: str) -> str:
    """RFC 2231 section 4.1: the charset stands in the first piece, and each piece may be encoded or not."""
    data, charset, encoded_any = bytearray(), "", False
    for number in sorted(parts):
        value, encoded = parts[number]
        if encoded:
            if not encoded_any and value.count("'") >= 2:
                charset, _, value = value.split("'", 2)
            encoded_any = True
            data += unquote_to_bytes(value.encode("latin-1", "replace"))
        else:
            data += value.encode("latin-1", "replace")
    if not encoded_any or not charset:
        text = data.decode("latin-1")
        return words.decode(text, hint)
    return words.clean(charsets.decode(bytes(data), charset)[0])
