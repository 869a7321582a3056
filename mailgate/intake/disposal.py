"""What becomes of a mail at the IMAP server once it is in the journal: moved, flagged, deleted, or left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from imapclient import DELETED, SEEN

from mailgate.intake.connection import Client
from mailgate.intake.folders import ensure

NEWEST_UIDS = 1_000  # of the target, among which the copies of an interrupted try are: a try copies 200
_SAME = ("RFC822.SIZE", "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE FROM SUBJECT)]")


def dispose(client: Client, after: str, uids: Sequence[int], *, home: str, again: bool) -> None:
    """Do with these mails of the selected folder what the account says; may be done again after an interruption.

    `after`: "flag", "delete" or "move:FOLDER". `home`: the selected folder, by the server's name. `again`: an earlier
    try may have got through in part. Raises IMAPClientError where the server refuses.
    """
    if after == "flag":
        client.add_flags(uids, [SEEN], silent=True)
    elif after == "delete":
        _remove(client, uids)
    else:
        _move(client, uids, ensure(client, after.removeprefix("move:")), home, again=again)


def _move(client: Client, uids: Sequence[int], folder: str, home: str, *, again: bool) -> None:
    if client.has_capability("MOVE"):  # RFC 6851
        client.move(uids, folder)
        return
    done = _deleted(client, uids) if again else set()  # marked only once they are copied
    rest = [uid for uid in uids if uid not in done]
    if again and rest:
        copied = _copied(client, rest, folder, home)
        rest = [uid for uid in rest if uid not in copied]
    if rest:
        client.copy(rest, folder)
    _remove(client, uids)


def _remove(client: Client, uids: Sequence[int]) -> None:
    """Without UIDPLUS (RFC 4315) an EXPUNGE would take what others marked, too: the mail is left, marked."""
    client.add_flags(uids, [DELETED], silent=True)
    if client.has_capability("UIDPLUS"):
        client.uid_expunge(uids)


def _deleted(client: Client, uids: Sequence[int]) -> set[int]:
    return {uid for uid, flags in client.get_flags(uids).items() if DELETED in flags}


def _copied(client: Client, uids: Sequence[int], folder: str, home: str) -> set[int]:
    """Which of these lie among the newest of `folder` already: a COPY whose end was not seen."""
    wanted = _marks(client, uids)
    selected = client.select_folder(folder, readonly=True)
    try:
        first = max(1, int(selected.get(b"UIDNEXT", 1)) - NEWEST_UIDS)
        newest = [uid for uid in client.search(f"UID {first}:*") if uid >= first]
        there = Counter(_marks(client, newest).values()) if newest else Counter()
    finally:
        client.select_folder(home, readonly=False)
    found: set[int] = set()
    for uid, mark in wanted.items():
        if there[mark]:
            there[mark] -= 1
            found.add(uid)
    return found


def _marks(client: Client, uids: Sequence[int]) -> dict[int, tuple[object, ...]]:
    """By UID, what a mail and its copy have in common: the size and the fields that tell one from another."""
    return {
        uid: tuple(value for key, value in sorted(answer.items()) if key.startswith((b"BODY", b"RFC822")))
        for uid, answer in client.fetch(uids, _SAME).items()
    }
