"""Which parts of a mail are its readable body, and their text (RFC 2046 section 5.1, RFC 2387, RFC 3676)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from parsing import calendar, charsets, headers, html, limits, rendering, rtf, tnef, uuencode
from parsing.defects import Defects
from parsing.parts import Multipart, Part, Tree

# A text part that only says that there is another one.
_STUB = re.compile(
    r"\b(?:does not|doesn't|do not|cannot|can't|unable to) (?:support|display|view|show|understand|read|render)\b"
    r".{0,60}\b(?:html|mime|format)|\bhtml[- ](?:capable|enabled|compatible)|"
    r"\b(?:view|open|read) (?:this|the) (?:e-?mail|message|mail)\b.{0,40}\b(?:browser|html)|"
    r"\b(?:this|the) (?:message|e-?mail|mail) is (?:in|an?) (?:html|mime)\b|"
    r"unterstützt (?:kein|leider kein)e? html|html[- ]fähig|ne (?:supporte|prend pas en charge|gère) .{0,20}html",
    re.IGNORECASE,
)
_STUB_CHARS = 500
HIDDEN_TEXT = "words that a reader of its HTML does not see were left out"
_ENRICHED = re.compile(r"<(/?)([a-zA-Z-]{1,30})>")
_TEXT_TYPES = frozenset(("text/plain", "text/html", "text/enriched", "text/richtext"))
_OTHER_FORMS = frozenset(("text/x-amp-html", "text/watch-html"))


@dataclass(slots=True)
class Body:
    """The readable body: `text`, `html` ("" if none) and the parts it was made of."""

    text: str
    html: str
    parts: frozenset[int]  # id() of the parts that it shows, or shows another form of
    files: list[tuple[str, bytes]]  # that stood in the text itself: name and data
    is_ours: bool = False  # the text stands for an invitation, and nobody wrote it


@dataclass(slots=True)
class _Segment:
    """A piece of the body in the forms it came in."""

    plain: list[Part] = field(default_factory=list)
    rich: list[Part] = field(default_factory=list)
    others: list[Part] = field(default_factory=list)  # in forms that few can show, and nobody misses


def read(tree: Tree, defects: Defects) -> Body:
    """The body of a mail: of alternatives the plain one, of mixed parts all texts in order."""
    segments: list[_Segment] = []
    _collect(tree.root, segments, alone=True)
    reader = _Reader(tree.hint, defects)
    texts: list[str] = []
    richs: list[str] = []
    has_html = any(segment.rich for segment in segments)
    used: set[int] = set()
    for segment in segments:
        plain = "\n".join([text for part in segment.plain if (text := reader.text(part))])
        rich = "\n".join([reader.decode(part) for part in segment.rich])
        used.update(map(id, segment.plain), map(id, segment.rich), map(id, segment.others))
        if rich:
            richs.append(rich)
            if not plain.strip() or (len(plain) < _STUB_CHARS and _STUB.search(plain)):
                seen, dropped = rendering.read(rich)
                plain = seen or plain
                if dropped:
                    reader.defects.note(HIDDEN_TEXT)
                if len(rich) > limits.HTML_TAGS and rich.count("<") > limits.HTML_TAGS:
                    reader.defects.note(f"more than {limits.HTML_TAGS} tags: the rest was not read")
                if texts and "".join(plain.split()) == "".join(texts[-1].split()):
                    continue  # mixed where alternative was meant: the same words a second time
        elif has_html and plain.strip():
            richs.append(html.from_text(plain))
        texts.append(plain)
    text = texts[0] if len(texts) == 1 else "\n\n".join([t.strip("\n") for t in texts if t.strip()])
    is_ours = False
    if not text.strip() and not richs:
        text, rich = _elsewhere(tree, reader)
        if not text:
            text = next(filter(None, map(calendar.summary, filter(calendar.is_shown, tree.parts))), "")
            is_ours = bool(text)
        richs = [rich] if rich else []
    files: list[tuple[str, bytes]] = []
    if "begin " in text:
        text, files = uuencode.take_out(text)
    return Body(text, "\n".join(richs), frozenset(used), files, is_ours)


def _elsewhere(tree: Tree, reader: _Reader) -> tuple[str, str]:
    """(text, HTML) of a mail without a body part: from winmail.dat, or a text that is shown with a file name."""
    for part in tree.parts:
        unpacked = tnef.read(part.data)
        if unpacked is not None and (unpacked.text.strip() or unpacked.html):
            return unpacked.text or html.to_text(unpacked.html), unpacked.html
        if part.content_type == "text/plain" and part.disposition != "attachment" and part.data.strip():
            return reader.text(part), ""
    return "", ""


def _collect(node: Part | Multipart, segments: list[_Segment], *, alone: bool) -> None:
    if isinstance(node, Part):
        _leaf(node, segments, alone=alone)
        return
    kind = node.content_type
    if kind == "multipart/alternative":
        _alternative(node, segments)
    elif kind == "multipart/related":
        # RFC 2387 section 3.2: the root is named by `start`, else it is the first part.
        start = next((value.strip("<>") for name, value in node.params if name == "start"), "")
        root = next((c for c in node.children if start and isinstance(c, Part) and c.content_id == start), None)
        for child in [root] if root else node.children:
            before = len(segments)
            _collect(child, segments, alone=False)
            if root is None and len(segments) > before:
                break
    elif kind in ("multipart/signed", "multipart/report", "multipart/encrypted"):
        # The first part is what people read (RFC 1847 section 2.1, RFC 6522 section 3).
        if node.children:
            _collect(node.children[0], segments, alone=alone)
        if kind == "multipart/report" and not segments:
            for child in node.children[1:]:
                _collect(child, segments, alone=False)
    elif kind != "multipart/digest":
        for child in node.children:
            _collect(child, segments, alone=False)


def _leaf(part: Part, segments: list[_Segment], *, alone: bool) -> None:
    if part.content_type not in _TEXT_TYPES and not (alone and part.content_type.startswith("text/")):
        return
    if part.disposition == "attachment" or (part.content_type == "text/calendar" and calendar.summary(part)):
        return
    # A text with a file name is a file, unless it is all there is.
    if part.filename and not alone:
        return
    if part.content_type == "text/html":
        segments.append(_Segment(rich=[part]))
    else:
        segments.append(_Segment(plain=[part]))


def _alternative(node: Multipart, segments: list[_Segment]) -> None:
    """RFC 2046 section 5.1.4: the children say the same, the last one best; here the plain one is preferred."""
    plain: list[Part] = []
    rich: list[Part] = []
    for child in node.children:
        inner: list[_Segment] = []
        _collect(child, inner, alone=False)
        own_plain = [part for segment in inner for part in segment.plain]
        own_rich = [part for segment in inner for part in segment.rich]
        if own_rich:
            # A mixed child (Apple Mail) holds the HTML in pieces, with texts between pictures.
            rich = own_rich
            if not plain and own_plain:
                plain = own_plain
        elif own_plain and not plain:
            plain = own_plain
    if plain or rich:
        others = [child for child in node.children if isinstance(child, Part) and child.content_type in _OTHER_FORMS]
        segments.append(_Segment(plain, rich, others))


class _Reader:
    """Decodes text parts, each once, up to the limit of all together."""

    def __init__(self, hint: str, defects: Defects) -> None:
        self.hint = hint
        self.left = limits.TEXT_BYTES
        self.defects = defects

    def decode(self, part: Part) -> str:
        data = part.data
        if len(data) > self.left:
            data = data[: self.left]
            self.defects.note(f"more than {limits.TEXT_BYTES} bytes of text: cut")
        self.left -= len(data)
        declared = part.param("charset")
        if not declared and part.content_type == "text/html":
            declared = _meta_charset(data)
        if not declared:
            self.hint = charsets.settled(self.hint, data)
        text, wrong = charsets.decode(data, declared, self.hint)
        if wrong:
            self.defects.note(wrong)
        if "\r" in text:
            text = "\n".join(text.split("\r\n"))  # quicker than to replace as many
            if "\r" in text:
                text = text.replace("\r", "\n")
        if "\0" in text:
            text = text.replace("\0", "")
            self.defects.note(headers.NUL_BYTES)
        return text

    def text(self, part: Part) -> str:
        if part.content_type == "text/rtf":
            return rtf.to_text(part.data[: limits.TEXT_BYTES])
        text = self.decode(part)
        if part.content_type in ("text/enriched", "text/richtext"):
            return _enriched(text)
        if part.param("format").lower() == "flowed":
            return unflow(text, delete_space=part.param("delsp").lower() == "yes")
        return text.removeprefix("\ufeff")


_META = re.compile(rb"<meta\b[^>]{0,200}?charset\s*=\s*[\"']?([\w.:-]{2,40})", re.IGNORECASE)


def _meta_charset(data: bytes) -> str:
    found = _META.search(data, 0, 4_096)
    return found[1].decode("ascii", "replace") if found else ""


def unflow(text: str, *, delete_space: bool) -> str:
    """Paragraphs of format=flowed joined again, quotes kept with their marks (RFC 3676 section 4)."""
    out: list[str] = []
    held: list[str] = []
    held_depth = 0

    def finish() -> None:
        if held:
            out.append((">" * held_depth + " " if held_depth else "") + "".join(held))
            held.clear()

    for line in text.split("\n"):
        body = line.lstrip(">")
        depth = len(line) - len(body)
        body = body.removeprefix(" ")  # space-stuffing, section 4.4
        if held and depth != held_depth:
            finish()  # a flowed line before another quote depth ends there, section 4.5
        held_depth = depth
        if body == "-- ":  # the signature separator is never flowed, section 4.3
            finish()
            out.append((">" * depth + " " if depth else "") + body)
        elif body.endswith(" "):
            held.append(body[:-1] if delete_space else body)
        else:
            held.append(body)
            finish()
    finish()
    return "\n".join(out)


def _enriched(text: str) -> str:
    """text/enriched without its commands: a lone line end is a blank, of several one is dropped (RFC 1896)."""
    text = re.sub(r"\n+", lambda ends: " " if len(ends[0]) == 1 else ends[0][1:], text)
    out: list[str] = []
    position = skipping = 0
    for command in _ENRICHED.finditer(text):
        if not skipping:
            out.append(text[position : command.start()])
        if command[2].lower() == "param":
            skipping = max(0, skipping + (-1 if command[1] else 1))
        position = command.end()
    if not skipping:
        out.append(text[position:])
    return "".join(out).replace("<<", "<")
