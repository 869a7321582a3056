"""Tell a bare "thanks": a short reply of nothing but words of thanks, which asks for nothing and opens nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Literal

from parsing.message import ParsedMessage

MOST_WORDS = 20  # longer ones say something
MOST_CHARACTERS = 300  # no need to look at more

# Phrases of letters alone, casefolded; of each only what says thanks, and what may stand around it. A word that is
# not here, a digit, a question mark, a frown or a file makes it a reply like any other: to reopen once too often is the
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

_GREETING = """
hi|hello|dear|hey|hallo|liebe|lieber|herr|frau|servus|moin|bonjour|madame|monsieur|cher|chère|hola|estimado|estimada|ciao
buongiorno|olá|hoi|beste|dag|dzień dobry|hej|hei|best regards|kind regards|regards|best|mit freundlichen grüssen
viele grüsse|lg|vg|gruss|grüsse|cordialement|saludos|saluti|cordiali saluti|groeten|groet|mvh|pozdrawiam|cumprimentos
"""  # after which, and after thanks, a name may stand that is not known here

# What thanks are for, and that all is well now. Whoever says anything else, "but" or "not" among it, is not read so.
_FOR = r"""
for (?:(?:the|your|all|this|that|such|a|very|so|quick|fast|prompt|great|kind|excellent|good|super|speedy|swift) )*
  (?:help|support|reply|response|answer|info|information|update|assistance|efforts?|service|time|work|solution
  |feedback|explanation|patience|everything|that|this|it|(?:looking into|fixing|solving|sorting) (?:it|this|that))
| für (?:(?:die|ihre|deine|eure|den|ihren|das|super|so|sehr|schnelle|rasche|tolle|prompte|gute|nette|kompetente) )*
  (?:hilfe|unterstützung|info|information|rückmeldung|antwort|mühe|bearbeitung|erledigung|lösung|support|service|alles)
| pour (?:(?:votre|vos|ton|l|la|le|cette|rapide|précieuse|excellente|bonne) )*
  (?:aide|réponse|retour|réactivité|information|soutien|efficacité|rapidité|intervention|support|tout)
  (?: (?:si |très )?(?:rapide|précieuse|efficace))?
| por (?:(?:su|tu|la|vuestra|toda|rápida|pronta|gran|excelente) )*
  (?:ayuda|respuesta|información|atención|apoyo|gestión|rapidez|todo)(?: rápida| prestada)?
| per (?:(?:il|la|l|suo|sua|tuo|vostro|vostra|rapido|rapida|veloce|pronta|ottimo|prezioso) )*
  (?:aiuto|risposta|supporto|assistenza|informazione|disponibilità|tempestività|tutto)
| (?:pela|pelo) (?:(?:sua|tua|vossa|seu|rápida|ótima|excelente) )*
  (?:ajuda|resposta|apoio|atenção|informação|suporte|rapidez)
| voor (?:(?:je|uw|de|jullie|het|alle|snelle|goede|fijne|vlotte) )*
  (?:hulp|reactie|info|informatie|antwoord|ondersteuning|support|moeite|service|alles)
| za (?:(?:szybką|miłą|twoją|państwa|pańską|sprawną|całą) )*(?:pomoc|odpowiedź|informację|wsparcie|obsługę|reakcję)
| (?:för|for) (?:(?:den|det|snabba|raske|hurtige) )*(?:hjälpen|hjelpen|hjælpen|svaret|hjälp|hjelp|hjælp)
| за (?:(?:быструю|вашу|швидку|вашу) )*(?:помощь|ответ|поддержку|допомогу|відповідь)
"""
_WELL = r"""
(?:(?:it|that|this|everything|all|now|and) )*(?:(?:is|s|has|have) )?(?:(?:now|all|really|been|just) )*
  (?:works?|worked|working|helped|fixed|solved|resolved|sorted|fine|good|ok|okay|perfect|did it|did the trick)
  (?: (?:great|fine|perfectly|well|again|now|for me|a lot|me|us|very much))*
| (?:the )?(?:problem|issue|case|ticket)(?: is| has been| s)? (?:now )?(?:solved|resolved|fixed|closed)(?: now)?
| you (?:can|may) (?:now )?close (?:this ticket|the ticket|the case|this|it)(?: now)?
| (?:(?:das|es|alles|jetzt|nun|und|hat|ist|sehr|super) )*
  (?:geholfen|funktioniert|läuft|geht|klappt|geklappt|gelöst|erledigt|behoben|passt|in ordnung)
  (?: (?:jetzt|nun|wieder|alles|super|bestens|prima|einwandfrei|perfekt|gut|es|mir|uns))*
| (?:das )?(?:problem|ticket)(?: ist)? (?:jetzt |nun |damit )?(?:gelöst|behoben|erledigt)
| (?:(?:ça|cela|tout|c|est|il|maintenant|et) )*(?:marche|fonctionne|résolu|réglé|bon|réparé|en ordre)
  (?: (?:maintenant|bien|mieux|parfaitement|très bien|à nouveau|de nouveau))*
| (?:le )?problème (?:est )?(?:résolu|réglé)
| (?:(?:ya|ahora|todo|eso|esto|y|me|está|quedó|ha) )*
  (?:funciona|solucionado|resuelto|arreglado|sirvió|ayudó|ayudado)(?: (?:ahora|bien|perfectamente|de nuevo|todo))*
| (?:el )?problema (?:está )?(?:solucionado|resuelto)
| (?:(?:ora|adesso|tutto|e|è|ha|mi) )*(?:funziona|risolto|a posto|sistemato|aiutato)
  (?: (?:ora|adesso|tutto|bene|perfettamente|di nuovo))*
| (?:il )?problema (?:è )?risolto
| (?:(?:já|agora|tudo|e|isso|está|ficou) )*(?:funciona|funcionou|resolvido|ajudou)
  (?: (?:agora|bem|perfeitamente|de novo|tudo))*
| (?:(?:het|dat|alles|nu|en|is|heeft) )*(?:werkt|opgelost|geholpen|gelukt|in orde)
  (?: (?:nu|weer|goed|prima|perfect|alles|het|allemaal))*
| probleem (?:is )?opgelost
| (?:(?:już|teraz|wszystko|to|i) )*(?:działa|pomogło|rozwiązane|naprawione)(?: (?:już|teraz|dobrze|świetnie|poprawnie))*
| problem (?:został )?rozwiązany
| (?:(?:det|nu|nå|allt|alt|och|og) )*(?:fungerar|funkar|fungerer|virker|löst|løst)(?: (?:nu|nå|bra|igen|igjen|fint))*
| (?:(?:всё|все|теперь|и|тепер) )*(?:работает|заработало|помогло|працює|допомогло)
  (?: (?:теперь|снова|хорошо|тепер))*
"""
_EMOJI = re.compile("[\U0001f44d\U0001f64f\U0001f44c\U0001f44f][\U0001f3fb-\U0001f3ff]?|\u2705|\U0001f4af")
_UNHAPPY = re.compile("[\U0001f44e\U0001f61e-\U0001f62d\U0001f641\u2639]|[:;]-?[(/]|[?\u061f\uff1f]")
_NO_NAMES = """
in|advance|voraus|im|avance|antemano|anticipo|voorbaat|but|aber|mais|pero|ma|maar|ale|not|no|nicht|kein|pas|non|nothing
nichts|rien|nada|niente|niets|nic|still|again|broken|please|bitte|help|problem|problema|probleem|error|fehler|defekt
kaputt|wrong
"""  # what may stand after thanks with a capital, and is nobody
MOST_NAMES = 2  # first and last


def _phrases(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(phrase.split()) for line in text.split("\n") for phrase in line.split("|") if phrase.strip())


def _pattern(text: str) -> re.Pattern[str]:
    """Of words joined by single blanks; blanks at the beginning and end of a line only lay it out."""
    lines = (line.strip(" ") for line in text.split("\n"))
    joined = "".join(f"|{line[2:]}" if line.startswith("| ") else line for line in lines)
    return re.compile(rf"(?:{joined})(?= |$)")


_OF_THANKS = _phrases(_THANKS)
_ALL = _OF_THANKS | _phrases(_COURTESY) | _phrases(_GREETING)
_BEFORE_NAMES = _OF_THANKS | _phrases(_GREETING)
_LONGEST = max(map(len, _ALL))
_WORD = re.compile(r"\w+")
_NOBODY = _phrases(_NO_NAMES)
_REASON, _ALL_WELL = _pattern(_FOR), _pattern(_WELL)


def only(message: ParsedMessage, names: Iterable[str] = ()) -> bool:
    """Whether the new words of a mail are thanks and nothing else; `names` of people may stand among them."""
    if any(not a.inline for a in message.attachments):
        return False
    known = _known(message, names)
    parting = message.signature.partition("\n")[0]  # "Many thanks" above a name is taken for a signature's beginning
    texts = (message.reply, f"{message.reply}\n{parting}")
    return any(_read(text, known, well=True) == "thanks" for text in texts)


def courtesy(message: ParsedMessage, text: str, names: Iterable[str] = ()) -> bool:
    """Whether words of that mail say nothing but what is polite, and who it is from or to."""
    return not text.strip() or _read(text, _known(message, names)) is not None


def _known(message: ParsedMessage, names: Iterable[str]) -> set[str]:
    """Words of names that may stand there: the author's, too."""
    author = message.author
    spoken = (*names, *((author.name, author.address.partition("@")[0]) if author else ()))
    return {word for name in spoken for word in re.findall(r"[^\W\d_]+", name.casefold())}


def _read(text: str, names: set[str], *, well: bool = False) -> Literal["thanks", "courtesy"] | None:
    """From left to right by the longest phrase that fits; None where something is said that is not known here.

    `well`: it may say that all is well now, too.
    """
    text = unicodedata.normalize("NFKC", text.strip())
    if len(text) > MOST_CHARACTERS or _UNHAPPY.search(text):
        return None
    text = _EMOJI.sub(" thx ", text)
    spans = list(_WORD.finditer(text))
    words = [span[0].casefold() for span in spans]
    if not words or len(words) > MOST_WORDS:
        return None
    joined = " ".join(words)
    starts = [0, *accumulate(len(word) + 1 for word in words)]
    thanked = False
    at = 0
    while at < len(words):
        lengths = range(min(_LONGEST, len(words) - at), 0, -1)
        phrase = next((p for n in lengths if (p := tuple(words[at : at + n])) in _ALL), ())
        patterns = (_REASON, _ALL_WELL) if well else (_REASON,)
        said = [m[0].count(" ") + 1 for pattern in patterns if (m := pattern.match(joined, starts[at]))]
        taken = max(len(phrase), *said, 0)
        if len(phrase) == taken and phrase in _BEFORE_NAMES:
            thanked = thanked or phrase in _OF_THANKS
            taken += _names(text, spans[at + taken - 1 :])
        elif not taken and words[at] in names:
            taken = 1
        if not taken:
            return None
        at += taken
    return "thanks" if thanked else "courtesy"


def _names(text: str, spans: Sequence[re.Match[str]]) -> int:
    """How many words after the first of `spans` are somebody's name: capital, and then its sentence ends."""
    for count in range(min(MOST_NAMES, len(spans) - 1), 0, -1):
        found = spans[1 : count + 1]
        gaps = [text[a.end() : b.start()] for a, b in zip(spans, found, strict=False)]
        after = text[found[-1].end() : spans[count + 1].start()] if count + 1 < len(spans) else ""
        if (
            gaps[0].strip(" \t") in ("", ",")
            and all(gap == " " for gap in gaps[1:])
            and (not after or after.strip(" \t")[:1] in (".", "!", ",", ";", "\n", "-"))
            and all(f[0].istitle() and f[0].isalpha() and (f[0].casefold(),) not in _NOBODY for f in found)
        ):
            return count
    return 0
