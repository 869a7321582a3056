"""A bare "thanks" in the languages that partners write, and what only begins like one."""

from __future__ import annotations

import pytest
from unit.routing.world import message

from routing import thanks

THANKS = r"""
Thanks
Thx
ok thanks
Perfekt, danke!
Danke, das hat geholfen.
Thanks, it works now!
Thank you Anna
Thank you, Anna Smith!
Thanks Anna, it works again.
Great, thanks a lot for the quick help!
Thank you so much for your very fast support
Thanks - problem solved, you can close this ticket.
Merci, ça marche
Merci beaucoup pour votre aide précieuse, tout fonctionne maintenant.
👍
👍🏽
Super, vielen Dank für die schnelle Hilfe!
Vielen Dank, funktioniert wieder!
Danke, läuft jetzt alles einwandfrei.
Danke Frau Müller
Hallo Herr Schmidt,\n\nvielen Dank, Problem ist gelöst.\n\nViele Grüße
Muchas gracias por su rápida respuesta, ya funciona.
Grazie mille, ora funziona perfettamente!
Obrigada, já funciona
Bedankt, het werkt weer!
Hartelijk dank voor de snelle hulp, probleem opgelost
Dziękuję, już działa
Dziękuję za szybką pomoc
Tack, det fungerar nu
Takk for hjelpen
Спасибо, всё работает
Дякую за допомогу
"""
MORE = r"""
Thanks for nothing
Thanks, but it still does not work.
Thanks but no
No thanks
Thanks?
Thanks, does it work now?
Thanks, it works now but the other printer does not
Thanks, it does not work
Thanks, it happened again
Thanks. Broken again
Thanks Broken again
Thanks in advance
Thanks In Advance
Thanks, problem
Thanks :(
Thanks 👎
👎
It works now
Great
Danke, geht nicht
Danke, das Problem ist wieder da
Danke, geht wieder nicht
Danke im Voraus
Danke für die Hilfe, aber es geht nicht
Danke. Drucker defekt
Danke Drucker defekt
Merci, ça ne marche pas
Merci d'avance
Gracias, pero no funciona
Gracias de antemano
Grazie, non funziona
Obrigado, não funciona
Bedankt, het werkt niet
Dziękuję, nie działa
Dziękuję z góry
Tack, det fungerar inte
Спасибо, не работает
Thanks, please call me on 4711
Thanks, now 2 more of them
"""


def lines(text: str) -> list[str]:
    return [line.replace("\\n", "\n") for line in text.strip("\n").split("\n")]


@pytest.mark.parametrize("text", lines(THANKS))
def test_thanks_alone(text: str) -> None:
    assert thanks.only(message("jane@acme.example", text))


@pytest.mark.parametrize("text", lines(MORE))
def test_what_says_more_than_thanks(text: str) -> None:
    assert not thanks.only(message("jane@acme.example", text))


def test_a_long_text_says_something() -> None:
    assert not thanks.only(message("jane@acme.example", "Thanks a lot! " * 12))


def test_words_below_a_send_that_say_how_it_is_are_more_than_polite() -> None:
    mail = message("sam@desk.example")
    assert thanks.courtesy(mail, "Best regards\nSam")
    assert not thanks.courtesy(mail, "Thanks, it works now")
