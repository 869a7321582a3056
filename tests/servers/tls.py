"""A certificate authority of our own and a certificate for localhost, made by openssl in a tenth of a second."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files: whom to trust, and what the server shows."""

    ca: Path
    cert: Path
    key: Path


def certificates(folder: Path) -> Certificates:
    """A certificate for localhost and 127.0.0.1, signed by a new authority."""
    ca, ca_key = folder / "ca.pem", folder / "ca-key.pem"
    cert, key, request, names = (folder / name for name in ("cert.pem", "key.pem", "request.pem", "names.cnf"))
    names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    _openssl("req", "-x509", *curve, "-keyout", ca_key, "-out", ca, "-days", "2", "-subj", "/CN=mailgate tests")
    _openssl("req", *curve, "-keyout", key, "-out", request, "-subj", "/CN=localhost")
    _openssl(
        *("x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial"),
        *("-days", "2", "-extfile", names, "-out", cert),
    )
    return Certificates(ca, cert, key)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["/usr/bin/openssl", *map(str, arguments)], check=True, capture_output=True)
