"""Tell a bare "thanks": a short reply of nothing but words of thanks, which asks for nothing and opens nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

from parsing.message import ParsedMessage

MOST_WORDS = 20  # longer ones say something
MOST_CHARACTERS = 300  # no need to look at more

# Phrases of letters alone, casefolded; of each only what says thanks, and what may stand around it. A word that is
# not here, a digit, a question mark or a file makes it a reply like any other: to reopen once too often is the
# smaller harm.
_THANKS = """
thank you|thanks|thx|ty|many thanks|much appreciated|appreciate it|cheers|thanks a lot|thanks so much|thanks again
thank you so much|thank you very much|thank you again|thanks a million|thanks very much|with thanks
danke|vielen dank|besten dank|herzlichen dank|tausend dank|danke schön|dankeschön|danke sehr|lieben dank|merci vielmals
ich danke ihnen|ich danke dir|danke dir|danke ihnen|danke euch|vielen lieben dank|nochmals danke|nochmals vielen dank
merci|merci beaucoup|merci bien|mille mercis|un grand merci|je vous remercie|grand merci|merci infiniment|merci encore
gracias|muchas gracias|mil gracias|muchísimas gracias|se agradece|le agradezco|gracias de nuevo
grazie|grazie mille|mille grazie|tante grazie|molte grazie|ti ringrazio|la ringrazio|vi ringrazio|grazie ancora
obrigado|obrigada|muito obrigado|muito obrigada|agradeço|agradecido|agradecida
bedankt|dank je|dank u|dankjewel|dank je wel|dank u wel|hartelijk dank|hartelijk bedankt|heel erg bedankt|veel dank
dziękuję|dzięki|dziękuję bardzo|bardzo dziękuję|wielkie dzięki|serdecznie dziękuję|dziekuje|dzieki
tack|tack så mycket|stort tack|takk|tusen takk|mange takk|tak|mange tak|tusind tak|kiitos|kiitos paljon|děkuji|děkuju
díky|moc děkuji|ďakujem|hvala|hvala lepa|köszönöm|köszi|mulțumesc|teşekkürler|teşekkür ederim|спасибо|большое спасибо
дякую|благодаря|ありがとうございます|ありがとうございました|谢谢|謝謝|감사합니다
"""
_COURTESY = """
so much|very much|for your help|for the help|for your quick help|for your support|for the support|for your time
for your quick reply|for the quick reply|for your reply|for the quick response|for your answer|for the info
for the information|for the update|for your efforts|for everything|and best regards|best regards|kind regards|regards
best wishes|best|great|perfect|super|excellent|awesome|wonderful|brilliant|all the best|have a nice day
have a great day|hi|hello|dear|dear all|all|everyone|team|you too|sincerely|cheers|ok|okay
für ihre hilfe|für die hilfe|für deine hilfe|für eure hilfe|für die schnelle hilfe|für ihre schnelle hilfe
für die unterstützung|für ihre unterstützung|für die info|für die information|für die rückmeldung
für ihre rückmeldung|für die schnelle rückmeldung|für die schnelle antwort|für ihre antwort|für ihre mühe
für die schnelle bearbeitung|für die schnelle erledigung|für alles|und viele grüße|und viele grüsse|und gruß|und grüße
mit freundlichen grüßen|mit freundlichen grüssen|viele grüße|viele grüsse|freundliche grüße|freundliche grüsse|mfg|lg|vg
beste grüße|liebe grüße|herzliche grüße|schöne grüße|gruß|grüße|schönen tag|schönen tag noch|einen schönen tag
schönes wochenende|prima|toll|spitze|perfekt|klasse|wunderbar|hervorragend|alles klar|hallo|guten tag|guten morgen|moin
servus|liebe|lieber|sehr geehrte|sehr geehrter|herr|frau|damen und herren|zusammen|liebes|liebes team
pour votre aide|pour ton aide|pour l aide|pour votre réponse|pour votre retour|pour votre réactivité|pour tout
pour l information|cordialement|bien cordialement|bien à vous|bonne journée|bonne soirée|bonjour|parfait|génial
excellente journée|bon week end|madame|monsieur|à vous|et bonne journée
por su ayuda|por tu ayuda|por la ayuda|por su respuesta|por todo|por la información|saludos|un saludo|saludos cordiales
hola|buenos días|buenas tardes|perfecto|genial|excelente|cordialmente|buen día
per l aiuto|per il suo aiuto|per il tuo aiuto|per la risposta|per la rapida risposta|per tutto|per il supporto|saluti
cordiali saluti|distinti saluti|un saluto|buona giornata|buongiorno|ciao|salve|perfetto|ottimo|gentilissimi
pela ajuda|pela sua ajuda|pela resposta|por tudo|pelo apoio|cumprimentos|abraço|atenciosamente|olá|bom dia|boa tarde
perfeito|ótimo
voor je hulp|voor uw hulp|voor de hulp|voor de snelle hulp|voor je reactie|voor uw reactie|voor de info|voor alles
met vriendelijke groet|met vriendelijke groeten|vriendelijke groet|groeten|groet|mvg|fijne dag|hoi|beste|geweldig|top
za pomoc|za szybką pomoc|za odpowiedź|za informację|za wszystko|pozdrawiam|z poważaniem|miłego dnia|dzień dobry
świetnie|super sprawa
för hjälpen|för hjälp|med vänlig hälsning|med vänliga hälsningar|mvh|hej|hei|for hjelpen|for hjælpen|med vennlig hilsen
med venlig hilsen|hilsen|vennlig hilsen|avusta|terveisin|za pomoc a čas|s pozdravem
"""


def _phrases(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(phrase.split()) for line in text.split("\n") for phrase in line.split("|") if phrase.strip())


_OF_THANKS = _phrases(_THANKS)
_ALL = _OF_THANKS | _phrases(_COURTESY)
_LONGEST = max(map(len, _ALL))
_WORD = re.compile(r"\w+")


def only(message: ParsedMessage, names: Iterable[str] = ()) -> bool:
    """Whether the new words of a mail are thanks and nothing else; `names` of people may stand among them."""
    if any(not a.inline for a in message.attachments):
        return False
    known = _known(message, names)
    parting = message.signature.partition("\n")[0]  # "Many thanks" above a name is taken for a signature's beginning
    return _read(message.reply, known) == "thanks" or _read(f"{message.reply}\n{parting}", known) == "thanks"


def courtesy(message: ParsedMessage, text: str, names: Iterable[str] = ()) -> bool:
    """Whether words of that mail say nothing but what is polite, and who it is from or to."""
    return not text.strip() or _read(text, _known(message, names)) is not None


def _known(message: ParsedMessage, names: Iterable[str]) -> set[str]:
    """Words of names that may stand there: the author's, too."""
    author = message.author
    spoken = (*names, *((author.name, author.address.partition("@")[0]) if author else ()))
    return {word for name in spoken for word in re.findall(r"[^\W\d_]+", name.casefold())}


def _read(text: str, names: set[str]) -> Literal["thanks", "courtesy"] | None:
    """From left to right by the longest phrase that fits; None where something is said that is not known here."""
    text = unicodedata.normalize("NFKC", text.strip()).casefold()
    words = _WORD.findall(text) if len(text) <= MOST_CHARACTERS and "?" not in text else []
    if not words or len(words) > MOST_WORDS:
        return None
    thanked = False
    at = 0
    while at < len(words):
        for length in range(min(_LONGEST, len(words) - at), 0, -1):
            phrase = tuple(words[at : at + length])
            if phrase in _ALL:
                thanked = thanked or phrase in _OF_THANKS
                at += length
                break
        else:
            if words[at] not in names:
                return None
            at += 1
    return "thanks" if thanked else "courtesy"
