"""HTML mail where a person looks at it: from an allow-list, and plain text in the same form."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from parsing import cids, limits, rendering, tags
from parsing.rendering import to_text

__all__ = ["from_text", "sanitise", "to_text"]


def from_text(text: str) -> str:
    """Plain text as HTML that looks the same."""
    return f'<div style="white-space:pre-wrap">{escape(text)}</div>'


_SAFE_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "center", "code", "col", "colgroup", "dd", "del", "div", "dl",
    "dt", "em", "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "li", "ol", "p", "pre", "q",
    "s", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr",
    "tt", "u", "ul",
}  # fmt: skip
_SAFE_ATTRIBUTES = {
    "*": {"align", "dir", "lang", "title", "valign"},
    "a": {"href"},
    "font": {"color", "size", "face"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "table": {"border", "cellpadding", "cellspacing", "width"},
    "td": {"colspan", "rowspan", "width"},
    "th": {"colspan", "rowspan", "width"},
}
_SAFE_DEPTH = 500  # nh3 needs a second for 20,000 nested elements; Outlook's worst threads nest 150
_SAFE_TAG_BYTES = 20_000  # and seconds for a tag with 100,000 attributes


def sanitise(html: str, pictures: Mapping[str, str]) -> str:
    """HTML from an allow-list (nh3), for when a person looks: no scripts, styles, forms, and nothing remote.

    `pictures` maps the Content-IDs of the mail's own pictures to where they are served; other pictures lose their
    source. What is too large or too deep to sanitise in good time comes back as its text.
    """
    if len(html) > limits.HTML_BYTES or not _is_tame(html):
        return from_text(rendering.to_text(html))
    import nh3

    def keep(tag: str, attribute: str, value: str) -> str | None:
        if tag == "img" and attribute == "src":
            return pictures.get(cids.decoded(value[4:])) if value[:4].lower() == "cid:" else None
        return value

    return nh3.clean(
        html,
        tags=_SAFE_TAGS,
        attributes=_SAFE_ATTRIBUTES,
        attribute_filter=keep,
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        link_rel="noopener noreferrer nofollow",
        clean_content_tags={"script", "style", "title", "template"},
    )


def _is_tame(html: str) -> bool:
    depth = position = count = 0
    while (start := html.find("<", position)) >= 0:
        end = html.find(">", start)
        if end < 0:
            end = len(html)
        count += 1
        if end - start > _SAFE_TAG_BYTES or count > limits.HTML_TAGS:
            return False
        if html.startswith("</", start):
            depth = max(0, depth - 1)
        elif html[start + 1 : start + 2].isalpha():
            name = html[start + 1 : start + 12].split(None, 1)[0].rstrip("/>").lower()
            depth += name not in tags.VOID
        if depth > _SAFE_DEPTH:
            return False
        position = end + 1
    return True
