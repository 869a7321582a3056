"""The sections of whose word on the sender is believed, and what a mail may do by it."""

from __future__ import annotations

from typing import Annotated

from mailgate.settings.kinds import ACTS, Act, Domain, Nameserver, Seconds, Section, about


class Dns(Section, frozen=True):
    """Whom we ask about senders' domains, where a door says `verify`."""

    nameservers: Annotated[
        tuple[Nameserver, ...], about("Their addresses; none: the system's.", ["192.0.2.53", "127.0.0.1:5353"])
    ] = ()
    timeout: Annotated[Seconds, about("Seconds after which a question counts as unanswered.")] = 5


class Trust(Section, frozen=True):
    """Whose word about the sender is believed, beside the door's `auth_results`; and what a mail may do by it.

    `open` a ticket; `join` one, else an internal note; `reply` as staff to the partner, else asked for `#send`;
    `see`: those in To and Cc get the answers; `invite`: also strangers, into a ticket that is there, else only people
    of the requester's own house; `command`: `#send`, `#unassign`; `approve`: words that are held, with `#send`, which
    needs both.
    """

    arc_sealers: Annotated[
        tuple[Domain, ...],
        about("Domains of relays whose ARC seal (RFC 8617) is believed where a door says `verify`.", ["lists.example"]),
    ] = ()
    forwarders: Annotated[
        tuple[Domain, ...],
        about(
            "Domains of forwarders: where one signed or sent a mail, its DMARC failure means unverified, no more.",
            ["lists.example"],
        ),
    ] = ()
    authenticated: Annotated[tuple[Act, ...], about("Its provider has proved who wrote.")] = ACTS
    confirmed: Annotated[tuple[Act, ...], about("Confirmed by `#send` from the registered address.")] = ACTS
    known_thread: Annotated[tuple[Act, ...], about("Not proved, but it answers a mail of the conversation.")] = (
        "open",
        "join",
        "see",
    )
    unverified: Annotated[tuple[Act, ...], about("Not proved, and at most the ticket's number is known.")] = (
        "open",
        "see",
    )
    failed: Annotated[tuple[Act, ...], about("DMARC failed, and the domain's wish is not known.")] = ("open", "see")


class Degrees(Section, frozen=True):
    """What `[trust]` says otherwise for a queue or a partner; a degree that is not named stays as it is there."""

    authenticated: Annotated[
        tuple[Act, ...] | None, about("What verified mail may do, in place of what `[trust]` says.")
    ] = None
    confirmed: Annotated[
        tuple[Act, ...] | None,
        about("What words that their author has confirmed with `#send` may do, in place of what `[trust]` says."),
    ] = None
    known_thread: Annotated[
        tuple[Act, ...] | None,
        about("What unverified mail that answers one of ours may do, in place of what `[trust]` says."),
    ] = None
    unverified: Annotated[
        tuple[Act, ...] | None, about("What mail of which nothing is known may do, in place of what `[trust]` says.")
    ] = None
    failed: Annotated[
        tuple[Act, ...] | None, about("What mail whose sender was refused may do, in place of what `[trust]` says.")
    ] = None
