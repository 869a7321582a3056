"""Whom a mail may bring into a conversation that has begun: all that is written there goes to him from then on.

A Message-ID of the thread says where and never who (MAIL 9), and whoever holds one can write in a participant's name.
So only a mail whose author is known lets anybody in; any other lets in people of the requester's own house, since at a
desk whose provider says nothing colleagues must still be able to fetch each other.
"""

from __future__ import annotations

from routing.case import Case
from routing.facts import Facts
from routing.mail import Trust
from routing.policy import Policy
from routing.ticket import Ticket

# Anybody can have an address there: two of them are no colleagues, and as a partner's domain it would be all the world.
_FREE_MAIL = """
    gmail.com googlemail.com outlook.com outlook.de outlook.fr hotmail.com hotmail.de hotmail.fr hotmail.co.uk
    live.com msn.com yahoo.com yahoo.de yahoo.fr yahoo.co.uk ymail.com aol.com icloud.com me.com mac.com proton.me
    protonmail.com pm.me gmx.de gmx.net gmx.com gmx.at gmx.ch web.de t-online.de freenet.de posteo.de mailbox.org
    mail.com zoho.com fastmail.com fastmail.fm hey.com tutanota.com tuta.io yandex.ru yandex.com mail.ru bk.ru
    inbox.ru list.ru rambler.ru qq.com 163.com 126.com sina.com naver.com daum.net orange.fr wanadoo.fr free.fr
    laposte.net sfr.fr libero.it virgilio.it tin.it alice.it wp.pl o2.pl onet.pl interia.pl seznam.cz centrum.cz
    bluewin.ch btinternet.com sky.com comcast.net verizon.net att.net sbcglobal.net cox.net uol.com.br bol.com.br
    terra.com.br rediffmail.com hotmail.it hotmail.es hotmail.nl hotmail.be hotmail.com.br live.de live.fr live.it
    live.nl live.be live.se live.dk live.no live.ca live.co.uk live.com.pt outlook.es outlook.it outlook.pt outlook.be
    outlook.com.br yahoo.it yahoo.es yahoo.ca yahoo.in yahoo.co.in yahoo.co.jp yahoo.com.br yahoo.com.ar yahoo.com.mx
    yahoo.com.au yahoo.pl yahoo.se yahoo.gr yahoo.ro rocketmail.com myyahoo.com gmx.us gmx.eu gmx.li gmx.fr gmx.es
    gmx.co.uk mail.de email.de arcor.de vodafone.de kabelmail.de protonmail.ch tutanota.de tutamail.com
    keemail.me duck.com aliceadsl.fr neuf.fr bbox.fr numericable.fr club-internet.fr tiscali.it tiscali.co.uk
    inwind.it iol.it fastwebnet.it vodafone.it ziggo.nl kpnmail.nl hetnet.nl planet.nl home.nl xs4all.nl casema.nl
    quicknet.nl telenet.be skynet.be proximus.be sapo.pt telefonica.net terra.es ig.com.br email.cz post.cz
    volny.cz azet.sk centrum.sk zoznam.sk freemail.hu citromail.hu abv.bg op.pl tlen.pl gazeta.pl poczta.fm telia.com
    online.no ukr.net i.ua meta.ua ya.ru yandex.by yandex.kz hanmail.net nate.com foxmail.com yeah.net sina.cn 139.com
    189.cn virginmedia.com talktalk.net ntlworld.com blueyonder.co.uk charter.net earthlink.net shaw.ca rogers.com
    sympatico.ca bigpond.com optusnet.com.au xtra.co.nz
"""
FREE_MAIL = frozenset(_FREE_MAIL.split())


def left_out(case: Case, ticket: Ticket) -> tuple[Case, tuple[str, ...]]:
    """Those in To and Cc who do not get into that ticket by this mail, and the case with the reason."""
    policy, message = case.policy, case.mail.message
    grant = policy.may("invite", case.trust, ticket.queue, ticket.partner)
    if grant.given:
        return case, ()
    named = dict.fromkeys(a.address.lower() for a in (*message.to, *message.cc) if "@" in a.address)
    found = tuple(a for a in named if not policy.is_ours(a) and a != case.address and not belongs(a, ticket, policy))
    if not found:
        return case, ()
    seen = f"To or Cc names {', '.join(found[:3])}; the sender is {case.trust}; {grant.line}"
    return case.because("not_let_in", seen, "no part in it, no answers; staff are told"), found


def come_along(ticket: Ticket, into: Ticket, facts: Facts, policy: Policy) -> tuple[str, ...]:
    """Those of `ticket` who would be in `into`, too, had the mails that brought them come there."""
    trust: Trust = "known_thread" if facts.is_doubted(ticket) else "authenticated"
    if policy.may("invite", trust, into.queue, into.partner).given:
        return ticket.participants
    return tuple(p for p in ticket.participants if belongs(p, into, policy))


def belongs(address: str, ticket: Ticket, policy: Policy, *, by_domain: bool = True) -> bool:
    """Whether somebody is in that conversation, works at the desk or is of its house.

    That is its partner, or with `by_domain` the mail domain of its requester, unless anybody can have an address there.
    """
    if policy.known_as(address, (*ticket.participants, ticket.requester)) or address in policy.staff:
        return True
    if (partner := policy.partner(address)) is not None:
        return partner == ticket.partner
    domain, requester = address.rpartition("@")[2], ticket.requester or ""
    same = bool(domain) and domain not in FREE_MAIL and domain == requester.rpartition("@")[2]
    return by_domain and same and ticket.partner is None
