"""A certificate authority of our own, and the good and the expired certificate of `renteseg.example`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from groundwork.atomic_file import write_atomically

SERVER_NAME = "renteseg.example"
AUTHORITY_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=90)
EXPIRED_SINCE = timedelta(days=1)
CLOCK_DIFFERENCE = timedelta(hours=1)

Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, each a PEM file."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Authority:
    """Who signs."""

    certificate: x509.Certificate
    key: Key


@dataclass(frozen=True)
class Certificates:
    """What the TLS port may serve. Clients trust `authority`, which survives restarts."""

    authority: Path
    good: Pair
    expired: Pair


def issue_certificates(folder: Path, now: datetime) -> Certificates:
    """The certificates under `folder`: the authority of old or a new one, the servers' always new."""
    authority = _authority(Pair(folder / "ca.pem", folder / "ca.key"), now)
    good = Pair(folder / "server.pem", folder / "server.key")
    expired = Pair(folder / "expired.pem", folder / "expired.key")
    _issue(authority, good, now - CLOCK_DIFFERENCE, now + SERVER_LIFE)
    _issue(authority, expired, now - SERVER_LIFE, now - EXPIRED_SINCE)
    return Certificates(folder / "ca.pem", good, expired)


def _authority(pair: Pair, now: datetime) -> Authority:
    if pair.certificate.exists() and pair.key.exists():
        key = load_pem_private_key(pair.key.read_bytes(), password=None)
        certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        if isinstance(key, Key) and certificate.not_valid_after_utc > now + SERVER_LIFE:
            return Authority(certificate, key)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("RENTESEG simulator CA")
    certificate = (
        _builder(name, name, key, now - CLOCK_DIFFERENCE, now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(pair, certificate, key)
    return Authority(certificate, key)


def _issue(authority: Authority, pair: Pair, start: datetime, end: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    names = [
        x509.DNSName(SERVER_NAME),
        x509.DNSName("localhost"),
        x509.IPAddress(ip_address("127.0.0.1")),
    ]
    certificate = (
        _builder(_name(SERVER_NAME), issuer, key, start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(identifier, critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    _write(pair, certificate, key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write(pair: Pair, certificate: x509.Certificate, key: Key) -> None:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_atomically(pair.key, private, mode=0o600)
    write_atomically(pair.certificate, certificate.public_bytes(Encoding.PEM))
