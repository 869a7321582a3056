"""Words that say that somebody is there no more, as a responder without any mark sends them; and those that do not."""

from __future__ import annotations

import pytest

from routing import gone


@pytest.mark.parametrize(
    "words",
    [
        "I have left the company.",
        "I've left our company, please write to help@desk.example.",
        "Sam Miller no longer works here. Please contact Tess.",
        "This mailbox is no longer monitored.",
        "This address is not monitored.",
        "Ich bin nicht mehr im Unternehmen tätig.",
        "Ich arbeite nicht mehr bei Example.",
        "Herr Miller hat das Unternehmen verlassen.",
        "J'ai quitté l'entreprise.",
        "Je ne travaille plus chez Example.",
        "Ya no trabajo en la empresa.",
        "He dejado la empresa.",
        "Já não trabalho na empresa.",
        "Non lavoro più qui.",
        "Ho lasciato l'azienda.",
        "Ik werk hier niet meer.",
        "Ik heb het bedrijf verlaten.",
        "Już nie pracuję w tej firmie.",
    ],
)
def test_somebody_is_there_no_more(words: str) -> None:
    assert gone.may_say_that(words)
    assert gone.may_say_that(f"Hello,\n\nthank you for your mail. {words}\n\nSam")


@pytest.mark.parametrize(
    "words",
    [
        "Done, please try again.",
        "The printer has no toner left.",
        "We left the cable at your desk.",
        "I left the cable with your team.",
        "It no longer prints: is the toner empty?",
        "The old driver no longer works.",
        "Your account is no longer locked.",
        "That version is no longer available.",
        "Ihr Passwort ist nicht mehr gültig.",
        "De printer werkt niet meer.",
        "Komputer już nie pracuje.",
        "Le pilote ne travaille plus.",
        "O erro já não aparece.",
        "Die alte Version läuft nicht mehr.",
        "Der Drucker druckt nicht mehr in Farbe.",
        "Cela ne marche plus.",
        "Ya no aparece el error.",
        "Non funziona più la stampante.",
        "Het werkt nu.",
        "Nie działa drukarka.",
        "",
        "I have left the company. " + "Here is what I did before I went. " * 20,
    ],
)
def test_nobody_is_gone(words: str) -> None:
    assert not gone.may_say_that(words)
