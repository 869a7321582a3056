"""The MIME tree of a mail, read in one pass over its bytes (RFC 2045, RFC 2046)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from parsing import charsets, headers, limits, smime, transfer, words
from parsing.defects import Defects


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of the MIME tree. `path` counts from 1 as in IMAP ("1.2"); `content_type` is in lower case.

    `data` is transfer-decoded; of a message/* part it is the inner mail's raw bytes, which stays one leaf.
    `params` has lower-case names, `headers` are the part's own, decoded and unfolded. `disposition` is
    "inline", "attachment" or "" in lower case, `filename` is as sent (not yet made safe), "" if none.
    """

    path: str
    content_type: str
    params: tuple[tuple[str, str], ...]
    disposition: str
    filename: str
    content_id: str | None
    data: bytes
    headers: tuple[tuple[str, str], ...]

    def param(self, name: str) -> str:
        """The Content-Type parameter of that lower-case name, or ""."""
        return next((value for key, value in self.params if key == name), "")


@dataclass(slots=True)
class Multipart:
    """A multipart/* with what it holds, in order."""

    path: str
    content_type: str
    params: tuple[tuple[str, str], ...]
    children: list[Part | Multipart] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tree:
    """A mail taken apart: its fields as `headers.split` gives them, the root, and the leaves in order."""

    fields: headers.Fields
    named: dict[str, list[str]]  # the same by lower-case name
    root: Part | Multipart
    parts: tuple[Part, ...]
    hint: str  # the charset that the mail names first, for raw 8-bit text in its header
    subject: str = ""  # inside what is signed, as `fields` have it


_DASHED = re.compile(rb"\n--([^\s-][^\r\n]{2,68}[^\s-])[ \t]*\r?\n")
_MIME = re.compile(rb"(?:mime-version|content-[a-z-]{1,30})[ \t]*:", re.IGNORECASE)
_WRAPPED = 3  # opaque signatures within each other that are opened; gateways add one each


def read(raw: bytes, defects: Defects) -> Tree:
    """Take a mail apart. Anything is read as something; what is wrong is added to `defects`."""
    tree = _Reader(raw, defects).read()
    if raw.count(b"message/rfc822", 0, limits.MAILS_BYTES) > limits.MAILS and _is_nested(tree):
        defects.append(f"mails within mails deeper than {limits.MAILS}")
    return tree


def _is_nested(tree: Tree) -> bool:
    """Whether there are mails in it within more mails than real ones have: one level is read after the other."""
    level = [tree]
    for _ in range(limits.MAILS + 1):
        inner = [part.data[: limits.MAILS_BYTES] for one in level for part in one.parts if _is_mail(part)]
        if not inner:
            return False
        level = [_Reader(data, Defects()).read() for data in inner]
    return True


def _is_mail(part: Part) -> bool:
    return part.content_type == "message/rfc822"


@dataclass(frozen=True, slots=True)
class _Head:
    """An entity's fields and what its Content-Type says."""

    fields: headers.Fields
    named: dict[str, list[str]]
    kind: str
    params: tuple[tuple[str, str], ...]

    def first(self, name: str) -> str:
        """The value of the topmost field of that lower-case name, or ""."""
        values = self.named.get(name)
        return values[0] if values else ""


class _Reader:
    """One pass from boundary to boundary, with the open multiparts on a stack."""

    def __init__(self, raw: bytes, defects: Defects, wrapped: int = 0) -> None:
        if b"\n" not in raw and b"\r" in raw:
            raw = raw.replace(b"\r", b"\n")  # old Macintosh line ends
        self.raw = raw
        self.defects = defects
        self.wrapped = wrapped  # signatures around this mail that were opened
        self.crlf = raw.find(b"\r\n", 0, 2_000) >= 0
        self.parts: list[Part] = []
        self.open: list[tuple[bytes, Multipart]] = []
        self.boundaries: dict[bytes, int] = {}  # boundary to its place in `open`; of twins the inner one
        self.hint = ""
        self.subject = ""

    def read(self) -> Tree:
        raw = self.raw
        start = 3 if raw.startswith(b"\xef\xbb\xbf") else 0
        while raw.startswith((b"\n", b"\r"), start):
            start += 1
        if start == len(raw):
            self.defects.note("an empty mail")
        stop = min(len(raw), start + limits.HEADER_BYTES)
        end, body = headers.find_end(raw, start, stop, self.crlf)
        if end == stop and stop < len(raw):
            self.defects.note(f"header longer than {limits.HEADER_BYTES} bytes: cut")
            _, body = headers.find_end(raw, raw.rfind(b"\n", 0, stop) + 1, len(raw), self.crlf)  # its rest is no body
        fields, tail = headers.split(raw[start:end], self.defects)
        if not tail and _MIME.match(raw, body):
            body = self.torn(fields, body)
        head = self.head(fields, "text/plain")
        self.hint = self.hint or next((value for name, value in head.params if name == "charset"), "")
        foreign = "".join([value for _, value in fields if not value.isascii()])
        if not head.kind.startswith("multipart/"):
            self.learn(foreign)  # of a multipart, the first text part may tell better
        holder = Multipart("", "", ())
        position = self.entity(head, end - tail if tail else body, holder)
        while position >= 0:
            position = self.next(position)
        self.learn(foreign)
        if self.wrapped:
            self.protect(head)
        return Tree(fields, head.named, holder.children[0], tuple(self.parts), self.hint, self.subject)

    def torn(self, fields: headers.Fields, body: int) -> int:
        """Add the MIME fields that an empty line tore off a header without any; where the body begins then.

        Web forms do that. No other field is taken from there: what relays write and strip stands above.
        """
        if any(name.lower() in ("content-type", "mime-version") for name, _ in fields):
            return body
        stop = min(len(self.raw), body + limits.PART_HEADER_BYTES)
        end, after = headers.find_end(self.raw, body, stop, self.crlf)
        found, tail = headers.split(self.raw[body:end], None)
        mime = [one for one in found if one[0].lower().startswith(("content-", "mime-"))]
        if end == stop or tail or not any(name.lower() == "content-type" for name, _ in mime):
            return body
        self.learn("".join([value for _, value in fields if not value.isascii()]))  # theirs may be another charset
        fields += mime
        self.defects.note("an empty line within the header")
        return after

    def learn(self, value: str) -> None:
        """Settle how raw 8-bit text in headers is read."""
        if not value.isascii():
            self.hint = charsets.settled(self.hint, value.encode("latin-1"))

    def head(self, fields: headers.Fields, default: str) -> _Head:
        named = headers.by_name(fields)
        value = named["content-type"][0] if "content-type" in named else ""
        if not value:
            return _Head(fields, named, default, ())
        self.learn(value)
        kind, params = self.mime("Content-Type", value)
        kind = headers.content_type(kind)
        if not kind:
            # RFC 2045 section 5.2: what cannot be read is text/plain; with a file name it is a file.
            is_file = any(name in ("name", "filename") for name, _ in params)
            kind = "application/octet-stream" if is_file else default
        return _Head(fields, named, kind, params)

    def mime(self, name: str, value: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        if len(value) > limits.MIME_FIELD_BYTES:
            self.defects.note(f"a {name} longer than {limits.MIME_FIELD_BYTES} bytes: cut")
        if len(value) > limits.PARAMETERS and value.count("=") > limits.PARAMETERS:
            self.defects.note(f"more than {limits.PARAMETERS} parameters in a {name}: the rest was not read")
        return headers.mime_value(value, self.hint)

    def protect(self, head: _Head) -> None:
        """Keep the subject of what is signed, if it says that its header counts (RFC 9788 section 2.1)."""
        # "protected-headers" is what drafts of the RFC said, and most clients still say.
        if not self.subject and any(name in ("hp", "protected-headers") for name, _ in head.params):
            self.subject = head.first("subject")

    def entity(self, head: _Head, body: int, holder: Multipart) -> int:
        """Add a leaf or open a multipart; the place to look for the next boundary from, -1 at the end."""
        path = f"{holder.path}.{len(holder.children) + 1}" if holder.path else "1"
        if head.kind.startswith("multipart/"):
            boundary = self.boundary(head.params, body)
            if len(self.open) >= limits.DEPTH:
                self.defects.note(f"multiparts deeper than {limits.DEPTH}: what is inside was not taken apart")
                head = replace(head, kind="application/octet-stream")
            elif boundary:
                part = Multipart(path, head.kind, head.params)
                holder.children.append(part)
                self.boundaries[boundary] = len(self.open)
                self.open.append((boundary, part))
                return max(body - 1, 0)
            else:
                self.defects.note("a multipart without its boundary, read as text")
                head = replace(head, kind="text/plain")
        mark = self.find(max(body - 1, 0))
        stop = self.before(mark[0]) if mark else len(self.raw)
        self.leaf(head, self.raw[body : max(stop, body)], holder, path)
        if mark is None and self.open:
            self.defects.note("a multipart that does not end")
        return mark[0] if mark else -1

    def begins(self, boundary: bytes, body: int) -> bool:
        """Whether the boundary comes before the enclosing multipart goes on."""
        mark = b"--" + boundary
        if self.raw.startswith(mark, body):
            return True
        around = self.find(max(body - 1, 0))
        return self.raw.find(b"\n" + mark, max(body - 1, 0), around[1] if around else len(self.raw)) >= 0

    def boundary(self, params: tuple[tuple[str, str], ...], body: int) -> bytes:
        """The boundary that is named, in quotes or folds too many, or the line that the body begins with."""
        named = next((value for name, value in params if name == "boundary"), "")
        boundary = named.encode("latin-1", "replace").rstrip()
        if len(boundary) <= limits.BOUNDARY_BYTES:
            for one in dict.fromkeys((boundary, boundary.strip(b"'\""), b"".join(boundary.split()))):
                if one and self.begins(one, body):
                    return one
        line = self.raw[body : body + limits.BOUNDARY_BYTES].lstrip().split(b"\n", 1)[0].rstrip()
        guessed = line[2:] if line.startswith(b"--") and len(line) > 4 else b""
        if guessed and guessed not in self.boundaries and self.begins(guessed, body):
            return guessed
        return self.in_preamble(body)

    def in_preamble(self, body: int) -> bytes:
        """The boundary that a line near the beginning of the body is, as the one that ends it says."""
        around = self.find(max(body - 1, 0))
        stop = around[0] if around else len(self.raw)
        line = _DASHED.search(self.raw, max(body - 1, 0), min(stop, body + limits.PREAMBLE_BYTES))
        if line is None or line[1] in self.boundaries or self.raw.find(b"\n--" + line[1] + b"--", line.end(), stop) < 0:
            return b""
        return line[1]

    def find(self, position: int) -> tuple[int, int, int, bool] | None:
        """The next line that is the boundary of an open multipart: (start, end, its place, closing)."""
        raw, boundaries = self.raw, self.boundaries
        if not boundaries:
            return None
        found = -1 if position == 0 and raw.startswith(b"--") else raw.find(b"\n--", position)
        if found < 0 and not (position == 0 and raw.startswith(b"--")):
            return None
        longest = limits.BOUNDARY_BYTES + 10
        while True:
            end = raw.find(b"\n", found + 3, found + longest)
            if end < 0:
                end = min(len(raw), found + longest)
            line = raw[found + 3 : end].rstrip()
            place = boundaries.get(line)
            if place is not None:
                return found + 1, end, place, False
            if line.endswith(b"--"):
                place = boundaries.get(line[:-2].rstrip())
                if place is not None:
                    return found + 1, end, place, True
            found = raw.find(b"\n--", found + 3)
            if found < 0:
                return None

    def before(self, mark: int) -> int:
        """The end of the data before a boundary: its line end belongs to the boundary (RFC 2046 5.1.1)."""
        end = mark - 1
        return end - 1 if end > 0 and self.raw[end - 1] == 0x0D else max(end, 0)

    def next(self, position: int) -> int:
        """Go on at the next boundary from `position`; the place to look from after it, -1 at the end."""
        mark = self.find(max(position - 1, 0))
        if mark is None:
            if self.open:
                self.defects.note("a multipart that does not end")
            return -1
        _, end, place, closing = mark
        while len(self.open) > place + (0 if closing else 1):
            boundary, _ = self.open.pop()
            if self.boundaries.get(boundary) == len(self.open):
                del self.boundaries[boundary]
        if closing:
            return end if self.open else -1
        if len(self.parts) >= limits.PARTS:
            self.defects.note(f"more than {limits.PARTS} parts: the rest was not read")
            return -1
        return self.part(min(end + 1, len(self.raw)))

    def part(self, start: int) -> int:
        raw = self.raw
        holder = self.open[-1][1]
        stop = min(len(raw), start + limits.PART_HEADER_BYTES)
        end, body = headers.find_end(raw, start, stop, self.crlf)
        # A boundary inside what looks like the header: a part without a body.
        inside = self.find(start - 1) if raw.find(b"\n--", max(start - 1, 0), end) >= 0 else None
        if inside and inside[0] < end:
            end = body = inside[0]
        fields, tail = headers.split(raw[start:end], self.defects) if end > start else ([], 0)
        default = "message/rfc822" if holder.content_type == "multipart/digest" else "text/plain"
        head = self.head(fields, default)
        if holder.content_type == "multipart/signed" and not holder.children:
            self.protect(head)
        return self.entity(head, end - tail if tail else body, holder)

    def leaf(self, head: _Head, data: bytes, holder: Multipart, path: str) -> None:
        for name, values in head.named.items():
            if name.startswith("content-"):
                self.learn("".join(values))
        filename = ""
        disposition = head.first("content-disposition")
        if disposition:
            disposition, extra = self.mime("Content-Disposition", disposition)
            filename = next((text for key, text in extra if key == "filename"), "")
            # RFC 2183 section 2.8: a type that is unknown is an attachment.
            if disposition != "inline":
                disposition = "attachment"
        if not filename:
            filename = next((text for key, text in head.params if key in ("name", "filename")), "")
        location = head.first("content-location")
        if not filename and "." in location and not head.kind.startswith("text/"):
            filename = words.decode(location.rpartition("/")[2], self.hint)  # RFC 2557 section 4
        if not self.hint and head.kind.startswith("text/"):
            self.hint = next((text for key, text in head.params if key == "charset"), "")
        encoding = head.first("content-transfer-encoding")
        if encoding:
            data = transfer.decode(data, encoding, self.defects, is_text=head.kind.startswith("text/"))
        if head.kind == "application/pgp-encrypted":  # RFC 3156 section 4
            self.defects.note("encrypted: its content was not read")
        elif smime.is_message(head.kind) and self.wrapped < _WRAPPED:
            self.unwrap(data, holder, path)
            path = f"{holder.path}.{len(holder.children) + 1}" if holder.path else path
        decoded = words.decode_fields(head.fields, self.hint)
        content_id = head.first("content-id").strip("<> \t") or None
        part = Part(path, head.kind, head.params, disposition, filename, content_id, data, decoded)
        holder.children.append(part)
        self.parts.append(part)

    def unwrap(self, data: bytes, holder: Multipart, path: str) -> None:
        """Put what an opaque signature signs before it: the content is read, the signature is kept."""
        inner = smime.content(data)
        if inner is None:
            self.defects.note("encrypted: its content was not read")
            return
        tree = _Reader(inner, self.defects, self.wrapped + 1).read()
        holder.children.append(Multipart(path, "multipart/signed", (), [tree.root]))
        self.parts += tree.parts
        self.subject = self.subject or tree.subject
