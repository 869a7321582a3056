"""Folder names as the server writes them: in its personal namespace, with its delimiter (RFC 2342)."""

from __future__ import annotations

from mailgate.intake.connection import Client


def native(client: Client, name: str) -> str:
    """A name of the settings, levels by "/", as this server's; one that is already the server's stays as it is."""
    if name.upper() == "INBOX":  # RFC 9051 section 5.1: the one name without case, outside every namespace
        return "INBOX"
    prefix, delimiter = _personal(client)
    if delimiter:
        name = name.replace("/", delimiter)
    return name if name.startswith(prefix) else prefix + name


def ensure(client: Client, name: str) -> str:
    """The server's name of that folder, which is made and subscribed where there is none."""
    folder = native(client, name)
    if not client.folder_exists(folder):
        client.create_folder(folder)
        client.subscribe_folder(folder)  # else most clients do not show it
    return folder


def _personal(client: Client) -> tuple[str, str]:
    if client.has_capability("NAMESPACE") and (spaces := client.namespace().personal):
        prefix, delimiter = spaces[0]
        return prefix, delimiter or ""
    listed = client.list_folders("", "")  # RFC 9051 section 6.3.9: an empty name asks for the delimiter
    return "", (listed[0][1] or b"").decode("ascii") if listed else ""
