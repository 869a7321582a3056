"""HTML as text that reads well, and as safe HTML."""

from __future__ import annotations

import pytest

from parsing import html


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("a  <b> b</b>\n c", "a b c"),
        ("<p class=MsoNormal>one</p><p class=MsoNormal>two</p>", "one\ntwo"),
        ("<ul><li>one<li>two</ul>", "- one\n- two"),
        ("<ol><li>one</li><li>two<ul><li>deep</li></ul></li></ol>", "1. one\n2. two\n  - deep"),
        ("<table><tr><th>Host<th>State<tr><td>web<td>DOWN</table>", "Host | State\nweb | DOWN"),
        ("<table><tr><td><p>Host</p></td><td><p>web</p></td></tr></table>", "Host  web"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("x &lt;y&gt; &amp; &euro; &#8364; &nbsp;z", "x <y> & € €  z"),
        ('<a href="http://x.example/a">look</a>', "look <http://x.example/a>"),
        ('<a href="http://x.example/">x.example</a>', "x.example"),
        ('<a href="http://x.example/a">http://x.example/a</a>', "http://x.example/a"),
        ('<a href="mailto:j@x.example">Jane</a>', "Jane"),
        ("<blockquote type=cite>old</blockquote>new", "> old\n\nnew"),
        ("<blockquote>indented</blockquote>", "indented"),
        ("The list of 25.02.2026:<blockquote>indented</blockquote>", "The list of 25.02.2026:\nindented"),
        ('<blockquote style="margin: 0 0 0 40px; border: none; padding: 0px;">indented</blockquote>', "indented"),
        ('<blockquote style="border-left: none">indented</blockquote>', "indented"),
        ('<blockquote style="border-left: 2px solid rgb(16, 16, 255);">old</blockquote>new', "> old\n\nnew"),
        ('<BLOCKQUOTE style="MARGIN-LEFT: 5px; BORDER-LEFT: #000000 2px solid">old</BLOCKQUOTE>', "> old"),
        (
            "On 25.02.2026 07:13, Desk wrote:<blockquote>old</blockquote>new<blockquote>older</blockquote>",
            "On 25.02.2026 07:13, Desk wrote:\n> old\n\nnew\n> older",
        ),
        ("<head><title>t</title><style>p{}</style></head><body>x", "x"),
        ("<script>if (a<b) {}</script>x<style>y</style>", "x"),
        ("a<!-- <p>hidden</p> -->b", "ab"),
        ("a < b and 1<2", "a < b and 1<2"),
        ("<img alt='😀'><img alt='company logo'>", "😀"),
        ("a\u200bb\ufeff", "ab"),
        ("", ""),
    ],
)
def test_html_becomes_readable_text(source: str, text: str) -> None:
    assert html.to_text(source) == text


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display:none">no<div>no</div>no</div>',
        '<span style="DISPLAY: NONE !important">no</span>',
        '<p style="visibility:hidden">no</p>',
        "<div hidden>no</div>",
        '<span style="font-size:0px">no</span>',
        '<div style="max-height:0;overflow:hidden">no</div>',
        '<div style="opacity:0">no</div>',
        '<div style="display:/**/none">no</div>',
        r'<div style="d\69splay:none">no</div>',
        '<div style="font-size:1px">no</div>',
        '<div style="mso-hide:all">no</div>',
        '<div style="color:transparent">no</div>',
        '<div style="left:-9999px">no</div>',
        '<div style="clip:rect(0,0,0,0)">no</div>',
        '<div style="transform:scale(0)">no</div>',
        '<div style="color:#fff;background:white">no</div>',
        "<style>.x{display:none}</style><div class=x>no</div>",
        '<div style="display:none"></table>no</div>',
    ],
)
def test_hidden_text_does_not_reach_rules(hidden: str) -> None:
    assert html.to_text(f"{hidden}<p>yes</p>") == "yes"


@pytest.mark.parametrize(
    "shown",
    [
        '<td style="font-size:0px"><span style="font-size:13px">yes</span></td>',
        '<div style="line-height:0.5;opacity:0.9">yes</div>',
        '<div style="max-height:0.5em;display:block">yes</div>',
        '<p data-note="hidden none">yes</p>',
        '<div style="width:1%;overflow:hidden">yes</div>',
        "<table bgcolor=white><tr><td bgcolor=blue><font color=white>yes</font></table>",
        "<style>@media (max-width:600px){.x{display:none}}</style><div class=x>yes</div>",
    ],
)
def test_what_only_looks_hidden_is_read(shown: str) -> None:
    assert html.to_text(shown) == "yes"


@pytest.mark.parametrize(
    "source", ["<p>yes<!-- never closed", "<p>yes<a href='never closed", "<p>yes<script>never closed"]
)
def test_what_does_not_close_keeps_what_was_before_it(source: str) -> None:
    assert html.to_text(source).startswith("yes")


def test_links_can_be_left_out() -> None:
    assert html.to_text('<a href="http://x.example/a">look</a>', links=False) == "look"


def test_sanitised_html_has_no_scripts_styles_or_remote_pictures() -> None:
    source = (
        '<p onclick="x()" style="color:red">hi<script>x()</script></p><img src="http://spy.example/1.png">'
        '<img src="cid:logo@x"><img src="cid:other"><a href="javascript:x()">a</a><a href="https://x.example">b</a>'
        "<form><input></form><iframe src=http://spy.example></iframe>"
    )
    safe = html.sanitise(source, {"logo@x": "/pictures/1"})
    for bad in ("script", "onclick", "style", "spy.example", "javascript", "<form", "<iframe", "cid:"):
        assert bad not in safe
    assert 'src="/pictures/1"' in safe
    assert 'href="https://x.example"' in safe


def test_sanitised_pictures_are_found_by_decoded_ids() -> None:
    safe = html.sanitise('<img src="cid:img%401%2Bx"><img src="cid:img%401">', {"img@1+x": "/pictures/1"})
    assert safe.count("src=") == 1
    assert 'src="/pictures/1"' in safe


def test_html_too_deep_to_sanitise_comes_back_as_its_text() -> None:
    assert html.sanitise("<div>" * 20_000 + "hello", {}) == html.from_text("hello")
    assert html.sanitise("<div>" * 100 + "hello", {}).startswith("<div>")


def test_text_as_html_is_escaped() -> None:
    assert "<b>" not in html.from_text("<b>")


def test_a_numbered_list_begins_where_it_says() -> None:
    assert html.to_text("<ol start=3><li>a<li>b</ol>") == "3. a\n4. b"
    assert html.to_text("<ol start=x><li>a</ol><ol start='-1'><li>b</ol>") == "1. a\n\n1. b"


def test_pictures_alone_are_read_by_what_stands_for_them() -> None:
    assert html.to_text("<p><img src=a alt='Printer on fire'><img src=b alt=''></p>") == "Printer on fire"
    assert html.to_text("<p>Look: <img src=a alt='Printer on fire'></p>") == "Look:"
    assert html.to_text("<div style='display:none'><img alt='Hidden words'></div>") == ""
