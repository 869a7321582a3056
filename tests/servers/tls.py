"""A certificate authority of our own and a certificate for localhost, made by openssl in a tenth of a second."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


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


def strange(
    folder: Path, *, days: tuple[int, int] = (-1, 1), name: str = "localhost", signed: bool = False
) -> Certificates:
    """A certificate not to be trusted: `days` from and until when it counts, of another name, or signed by itself."""
    now = datetime.now(UTC)
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mailgate tests")])
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])

    def made(whose: x509.Name, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, *, ca: bool) -> bytes:
        names = (
            [x509.DNSName(name)]
            if name != "localhost"
            else [x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))]
        )
        first, last = (-9, 9) if ca else days
        builder = (
            x509.CertificateBuilder()
            .subject_name(whose)
            .issuer_name(whose if signed else issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=first))
            .not_valid_after(now + timedelta(days=last))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
        )
        return builder.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    files = Certificates(folder / "strange-ca.pem", folder / "strange.pem", folder / "strange-key.pem")
    files.ca.write_bytes(made(issuer, authority, authority, ca=True))
    files.cert.write_bytes(made(subject, own, own if signed else authority, ca=False))
    files.key.write_bytes(
        own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["/usr/bin/openssl", *map(str, arguments)], check=True, capture_output=True)
