"""What becomes of a mail at the IMAP server once it is in the journal: moved, flagged, deleted, or left."""

from __future__ import annotations

from collections.abc import Sequence

from imapclient import DELETED, SEEN

from mailgate.intake.connection import Client
from mailgate.intake.folders import ensure


def dispose(client: Client, after: str, uids: Sequence[int]) -> None:
    """Do with these mails of the selected folder what the account says; may be done again after an interruption.

    Without MOVE, mails whose COPY was interrupted are copied again: twice in that folder, never nowhere.
    `after`: "flag", "delete" or "move:FOLDER". Raises IMAPClientError where the server refuses.
    """
    if after == "flag":
        client.add_flags(uids, [SEEN], silent=True)
    elif after == "delete":
        _remove(client, uids)
    else:
        _move(client, uids, ensure(client, after.removeprefix("move:")))


def _move(client: Client, uids: Sequence[int], folder: str) -> None:
    if client.has_capability("MOVE"):  # RFC 6851
        client.move(uids, folder)
        return
    marked = _deleted(client, uids)  # copied by a try that was interrupted
    if rest := [uid for uid in uids if uid not in marked]:
        client.copy(rest, folder)
    _remove(client, uids)


def _remove(client: Client, uids: Sequence[int]) -> None:
    """Without UIDPLUS (RFC 4315) an EXPUNGE would take what others marked, too: the mail is left, marked."""
    client.add_flags(uids, [DELETED], silent=True)
    if client.has_capability("UIDPLUS"):
        client.uid_expunge(uids)


def _deleted(client: Client, uids: Sequence[int]) -> set[int]:
    return {uid for uid, flags in client.get_flags(uids).items() if DELETED in flags}
