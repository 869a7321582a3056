"""Templates: eight languages that say the same things, and an administrator's files over them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from unit.outgoing.desk import ACKNOWLEDGEMENT, NOTICE, POLICY, TICKET, change, parsed, text

from mailgate.outgoing.check import check, letters
from mailgate.outgoing.compose import Pen
from mailgate.outgoing.rendering import Rendering, Wanted, language, linked
from routing.rules import compile_rule
from storage.change import Announcement, Letter

LANGUAGES = ("en", "de", "es", "fr", "it", "nl", "pl", "pt")


def write(folder: Path, told: Announcement = ACKNOWLEDGEMENT) -> Letter:
    return Pen(POLICY, folder).compose(change(told)).letters[0]


def put(folder: Path, name: str, words: str) -> None:
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(words, "utf-8")


# --- languages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_says_all_that_english_says(code: str) -> None:
    english, other = language("en"), language(code)
    assert english is not None
    assert other is not None
    assert other.say.keys() == english.say.keys()
    assert other.trust.keys() == english.trust.keys()
    assert other.states.keys() == english.states.keys()
    assert other.subjects.keys() == english.subjects.keys()
    assert other.because.keys() == english.because.keys()
    assert other.reply_does.keys() == english.reply_does.keys()
    assert all(("{until}" in other.reply_does[key]) == ("{until}" in said) for key, said in english.reply_does.items())
    for name, parts in english.letters.items():
        assert {key: len(texts) for key, texts in other.letters[name].items()} == {
            key: len(texts) for key, texts in parts.items()
        }
        for key, texts in parts.items():
            for text_, english_text in zip(other.letters[name][key], texts, strict=True):
                assert not set(text_) & set("<>&"), "strings are words, the layout is HTML"
                used = set(re.findall(r"{{ (\w+)", english_text))
                assert used <= set(re.findall(r"{{ (\w+)", text_)) | {"author"}, (code, name)
                assert ("#send" in text_) == ("#send" in english_text)


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_delimiter_fits_a_line_when_it_is_quoted(code: str) -> None:
    found = language(code)
    assert found is not None
    assert len(f"> ##- {found.say['delimiter']} -##") <= 72


def test_the_english_delimiter_is_the_one_that_parsing_knows() -> None:
    found = language("en")
    assert found is not None
    assert f"##- {found.say['delimiter']} -##" == "##- Please write your answer above this line -##"


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_two_languages_are_the_same(code: str) -> None:
    assert [c for c in LANGUAGES if language(c).say == language(code).say] == [code]  # type: ignore[union-attr]


def test_a_variety_is_written_in_its_base_language_and_an_unknown_one_in_none() -> None:
    assert language("pt-BR") is language("pt")
    assert language("sv") is None
    assert language("../en") is None


def test_where_no_language_is_known_it_is_english() -> None:
    assert Rendering().language(("sv", "fi")).code == "en"


# --- an administrator's files --------------------------------------------------------------------------------------


def test_an_administrators_file_goes_before_the_shipped_one(tmp_path: Path) -> None:
    put(tmp_path, "acknowledgement.txt", "Hello {{ number }} <&>")
    letter = write(tmp_path)
    assert text(letter) == "Hello INC-1042 <&>\n"
    assert "Hello INC-1042 &lt;&amp;&gt;" in text(letter, "html")
    assert "It is on fire." in text(write(tmp_path, NOTICE))


def test_a_file_may_fill_the_shipped_layout(tmp_path: Path) -> None:
    put(tmp_path, "acknowledgement.txt", '{% extends "letter.txt" %}{% block lead %}Hello!\n\n{% endblock %}')
    put(tmp_path, "acknowledgement.html", '{% extends "letter.html" %}{% block lead %}<p>Hello!</p>{% endblock %}')
    letter = write(tmp_path)
    assert text(letter) == "Hello!\n\n-- \nKind regards\nThe desk\nINC-1042\n"
    assert "<p>Hello!</p>" in text(letter, "html")


def test_a_layout_may_be_replaced_alone(tmp_path: Path) -> None:
    put(tmp_path, "letter.html", "<html><body>House style {% block lead %}{% endblock %}</body></html>")
    letter = write(tmp_path)
    assert "House style <p>We have received" in text(letter, "html")
    assert text(letter) == text(Pen(POLICY, None).compose(change(ACKNOWLEDGEMENT)).letters[0])


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (("acknowledgement.txt", "acknowledgement.de.txt"), "acknowledgement.de.txt"),
        (("acknowledgement.txt", "acknowledgement.en.txt"), "acknowledgement.txt"),
        (("acknowledgement.txt", "acknowledgement-new.txt"), "acknowledgement-new.txt"),
        (("acknowledgement.de.txt", "Service Desk/acknowledgement.txt"), "Service Desk/acknowledgement.txt"),
        (("acknowledgement.txt", "Hardware/acknowledgement.txt"), "acknowledgement.txt"),
        (("acknowledgement-new.de.txt", "welcome.txt"), "welcome.txt"),
    ],
)
def test_the_most_special_file_is_taken(tmp_path: Path, files: tuple[str, ...], expected: str) -> None:
    for name in files:
        put(tmp_path, name, name)
    told = replace(ACKNOWLEDGEMENT, ticket=replace(TICKET, language="de-AT"), template="welcome")
    assert text(write(tmp_path, told)) == f"{expected}\n"


@pytest.mark.parametrize(
    "fault", ["{{ nothing }}", "{% if %}", "{{ ''.__class__.__mro__ }}", "{{ 1/0 }}", "{% extends 'x' %}"]
)
def test_a_fault_in_a_file_is_told_once_and_the_shipped_one_used(tmp_path: Path, fault: str) -> None:
    put(tmp_path, "acknowledgement.txt", fault)
    told: list[str] = []
    pen = Pen(POLICY, tmp_path, Rendering(tmp_path, told.append))
    for _ in range(3):
        assert "We have received" in text(pen.compose(change(ACKNOWLEDGEMENT)).letters[0])
    assert len(told) == 1
    assert told[0].startswith("template acknowledgement: ")


def test_a_fault_in_a_layout_is_told_and_the_shipped_one_used(tmp_path: Path) -> None:
    put(tmp_path, "letter.txt", "{% block %}")
    told: list[str] = []
    pen = Pen(POLICY, tmp_path, Rendering(tmp_path, told.append))
    assert "We have received" in text(pen.compose(change(ACKNOWLEDGEMENT)).letters[0])
    assert len(told) == 1


def test_a_rules_template_cannot_leave_the_folder(tmp_path: Path) -> None:
    put(tmp_path, "secret.txt", "secret")
    (tmp_path / "templates").mkdir()
    for name in ("../secret", "/etc/hostname", "..\\secret"):
        wanted = Wanted("acknowledgement-new", "../..", name, ("en",))
        assert all(
            ".." not in n and not n.startswith("/") for n in Rendering(tmp_path / "templates").candidates(wanted)
        )


# --- check ---------------------------------------------------------------------------------------------------------


def test_check_finds_nothing_where_all_is_well(tmp_path: Path) -> None:
    assert check(POLICY, None) == []
    assert check(POLICY, tmp_path) == []
    put(tmp_path, "acknowledgement.txt", "Hello {{ number }}")
    put(tmp_path, "notice-bounced.de.txt", "{{ recipient }} {{ status }} {{ author }}")
    put(tmp_path, "Hardware/answer.txt", "{{ words }}\n-- \n{{ signature }}")
    put(tmp_path, "letter.html", "{% block lead %}{% endblock %}")
    put(tmp_path, "answer.sv.txt", "")
    put(tmp_path, "README.md", "ours")
    assert check(POLICY, tmp_path) == []


@pytest.mark.parametrize(
    ("name", "words", "problem"),
    [
        ("acknowledgement.txt", "{{ nubmer }}", "template acknowledgement: 'nubmer' is undefined"),
        ("notice-bounced.de.txt", "a\n{% for %}", "template notice-bounced.de: line 2: "),
        ("Hardware/answer.txt", "{{ x }}", "template Hardware/answer: 'x' is undefined"),
        ("letter.txt", "{{ x }}", "template letter: 'x' is undefined"),
        ("acknowledgment.txt", "", "template acknowledgment.txt: no letter has this name; known are acknowledgement,"),
        ("answer.html", "", "template answer.html: is never used without answer.txt beside it"),
        ("Software/answer.txt", "", "template Software/answer.txt: there is no queue 'Software'; known are"),
        ("answer.sv.txt", "{{ x }}", "template answer.sv: 'x' is undefined"),
    ],
)
def test_check_names_file_and_fault(tmp_path: Path, name: str, words: str, problem: str) -> None:
    put(tmp_path, name, words)
    problems = check(POLICY, tmp_path)
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_check_finds_a_rules_template_that_is_not_there(tmp_path: Path) -> None:
    rule = compile_rule("printers", {"subject": {"contains": "printer"}}, {"template": "welcome"}, stop=False)
    policy = replace(POLICY, rules=(rule,))
    assert check(policy, tmp_path) == [f"rule 'printers': template 'welcome': there is no welcome.txt in {tmp_path}"]
    assert len(check(policy, None)) == 1
    put(tmp_path, "welcome.de.txt", "Hallo {{ number }}")
    assert check(policy, tmp_path) == []


def test_check_finds_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert check(POLICY, tmp_path / "none") == [f"templates: there is no folder {tmp_path / 'none'}"]


@pytest.mark.parametrize("name", [*letters(), "acknowledgement-new", "state-closed", "notice", "preview"])
def test_check_knows_every_letter_that_may_have_words_of_ones_own(tmp_path: Path, name: str) -> None:
    put(tmp_path, f"{name}.txt", "{{ number }}")
    assert check(POLICY, tmp_path) == []


@pytest.mark.parametrize(("event", "why"), letters().values(), ids=letters())
@pytest.mark.parametrize("code", LANGUAGES)
def test_every_shipped_letter_is_whole_in_every_language(tmp_path: Path, event: str, why: str, code: str) -> None:
    queues = {key: replace(queue, language=code) for key, queue in POLICY.queues.items()}
    told = replace(NOTICE, event=event, why=why, ticket=replace(TICKET, language=code), details=(("status", "5.1.1"),))  # type: ignore[arg-type]
    (letter, _) = Pen(replace(POLICY, queues=queues), tmp_path).compose(change(told)).letters
    message = parsed(letter)
    assert not message.defects
    plain = text(letter)
    assert "{" not in plain
    assert "\n\n\n" not in plain
    assert not plain.startswith("\n")
    html = text(letter, "html")
    assert "{" not in html
    assert html.startswith("<!DOCTYPE html>")


# --- links ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "html"),
    [
        ("see https://a.example/b.", 'see <a href="https://a.example/b">https://a.example/b</a>.'),
        ("(http://a.example)", '(<a href="http://a.example">http://a.example</a>)'),
        ("javascript:alert(1)", "javascript:alert(1)"),
        (
            'https://a.example/"onmouseover="x',
            '<a href="https://a.example/">https://a.example/</a>&#34;onmouseover=&#34;x',
        ),
        ("a\n  b", "a<br>\n&nbsp; b"),
    ],
)
def test_web_addresses_become_links_and_nothing_else_does(words: str, html: str) -> None:
    assert str(linked(words)) == html
