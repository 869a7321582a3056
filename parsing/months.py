"""The names of the months that mail programs write in the language of their users, for `dates`."""

from __future__ import annotations

# Months in order: in full, as they stand in a date, and abbreviated, without dots. Where two languages mean two
# months by one name, the one with more speakers has it.
_NAMES = (
    "jan januar january januari january jän jänner janvier janv enero ene gennaio gen janeiro stycznia styczeń sty "
    "ledna leden január januára ianuarie ian ocak oca января янв січня січ ιανουαρίου ιαν siječnja sij tammikuuta "
    "tammik jaanuar jaan sausio saus janvāris",
    "feb februar february februari febr fév février févr febrero febbraio fev fevereiro lutego luty lut února únor úno "
    "február februára februarie şubat şub февраля фев февр лютого лют φεβρουαρίου φεβ veljače velj helmikuuta helmik "
    "veebruar veebr vasario vas februāris",
    "mar march mär märz mrz mars marzo março maart mrt marca marzec března bře március márc martie mart marts "
    "марта март мар березня бер μαρτίου μαρ ožujka ožu maaliskuuta maalisk märts kovo",
    "apr april avril avr abril abr aprile aprilie kwietnia kwiecień kwi dubna dub április ápr apríla nisan nis "
    "апреля апр квітня квіт кві απριλίου απρ travnja tra huhtikuuta huhtik aprill balandžio aprīlis",
    "may mai mayo maggio mag maio mei maj maja května kvě május máj mája mayıs мая май травня трав тра μαΐου μαΐ "
    "svibnja svi toukokuuta toukok gegužės maijs",
    "jun june juni juin junio giugno giu junho czerwca czerwiec cze června čvn június jún júna iunie iun haziran haz "
    "июня июн червня черв чер ιουνίου ιουν lipnja kesäkuuta kesäk juuni birželio jūnijs jūn",
    "jul july juli juillet juil julio luglio lug julho lipca lipiec lip července čvc július júl júla iulie iul temmuz "
    "tem июля июл липня лип ιουλίου ιουλ srpnja heinäkuuta heinäk juuli liepos jūlijs jūl",
    "aug august août aoû agosto ago augustus augusti sierpnia sierpień sie srpna srp augusztus augusta ağustos ağu "
    "августа авг серпня серп сер αυγούστου αυγ kolovoza kol elokuuta elok rugpjūčio augusts",
    "sep sept september septembre septiembre settembre set setembro września wrzesień wrz září zář szeptember szept "
    "septembra septembrie eylül eyl сентября сен сент вересня вер σεπτεμβρίου σεπ rujna ruj syyskuuta syysk rugsėjo",
    "oct october okt oktober octobre octubre ottobre ott outubro out października październik paź října říj október "
    "októbra octombrie ekim eki октября окт жовтня жовт жов οκτωβρίου οκτ lokakuuta lokak oktoober spalio",
    "nov november novembre noviembre novembro listopada listopadu listopad lis novembra noiembrie kasım kas ноября "
    "ноя нояб листопада лист νοεμβρίου νοε studenoga studenog stu marraskuuta marrask lapkričio",
    "dec december décembre déc dez dezember dic diciembre dicembre dezembro des desember grudnia grudzień gru "
    "prosince pro decembra decembrie aralık ara декабря дек грудня груд гру δεκεμβρίου δεκ prosinca joulukuuta "
    "jouluk detsember dets gruodžio",
)
_NUMBERS = {name: number for number, names in enumerate(_NAMES, 1) for name in names.split()}


def number(name: str) -> int | None:
    """1 to 12 for the name of a month in whatever case, with or without a dot; None where it is none."""
    return _NUMBERS.get(name.lower().replace("i\u0307", "i").rstrip("."))
