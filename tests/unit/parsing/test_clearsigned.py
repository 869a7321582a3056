"""The reply of a mail signed in the clear is what was signed (RFC 9580 section 7)."""

from __future__ import annotations

import pytest

from parsing.clearsigned import cleartext

SIGNED = """-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA512

Words.
- - a point
-----BEGIN PGP SIGNATURE-----

iQGzBAEBCgAdFiEE
-----END PGP SIGNATURE-----
"""


def test_armour_goes_and_dashes_come_back() -> None:
    assert cleartext(SIGNED) == "Words.\n- a point\n"


def test_words_around_it_stay() -> None:
    assert cleartext(f"Above\n{SIGNED}Below") == "Above\nWords.\n- a point\nBelow"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Words.",
        "\n".join(f"> {line}" for line in SIGNED.splitlines()),
        SIGNED.partition("-----BEGIN PGP SIGNATURE-----")[0],
        SIGNED.replace("\n\n", "\n"),
    ],
)
def test_anything_else_stays_as_it_is(text: str) -> None:
    assert cleartext(text) == text
