"""All the figures of the availability exporter, in one run: about nine minutes."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.availability import cost, margin, scale, truth
from bench.availability.running import served
from bench.figures import Figure
from chain.programs import peer

NAME = "renteseg.example"


def run() -> list[Figure]:
    """Measure everything; what is being measured is told on stderr."""
    peer("prometheus-blackbox-exporter")
    with tempfile.TemporaryDirectory(prefix="renteseg-bench-") as name:
        folder = Path(name)
        certificate = _certificate(folder)
        with served("bench.availability.targets_server", str(certificate)) as ports:
            parts: dict[str, Callable[[], Iterator[Figure]]] = {
                "CPU per probe (2 minutes)": lambda: cost.measure(folder / "cost", ports, folder / "ca.pem"),
                "deadlines (half a minute)": lambda: margin.measure(folder / "margin"),
                "10,000 components (4 minutes)": lambda: scale.measure(folder / "scale", ports),
                "truth (4 minutes)": lambda: truth.measure(_made(folder / "truth"), ports),
            }
            figures: list[Figure] = []
            for part, measure in parts.items():
                print(f"measuring {part}", file=sys.stderr)
                figures.extend(measure())
    return figures


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _certificate(folder: Path) -> Path:
    """A self-signed certificate for NAME, with its key; what clients trust is `ca.pem`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(public)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(private + public)
    return folder / "server.pem"
