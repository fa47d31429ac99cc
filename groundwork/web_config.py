"""TLS and basic authentication of our pages, in the format of Prometheus and its exporters (web.config.file)."""

import hmac
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import bcrypt
from pydantic import AfterValidator, Field, model_validator
from werkzeug.datastructures import Authorization

from groundwork.configuration import Strict, read
from groundwork.problems import ConfigurationError, Problem

VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
REALM = 'Basic realm="renteseg-monitor", charset="UTF-8"'
SOMEBODY = bcrypt.hashpw(b"nobody", bcrypt.gensalt(10))
"""Compared with when the user is unknown, so that the time of the answer does not tell who exists."""

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def _is_hash(value: str) -> str:
    try:
        bcrypt.checkpw(b"", value.encode())
    except ValueError:
        raise ValueError("is not a bcrypt hash, as `htpasswd -nBC 10 ''` prints one") from None
    return value


class TlsServer(Strict):
    """Our certificate, and whether clients must show one."""

    cert_file: Path
    key_file: Path
    client_auth_type: Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"] = "NoClientCert"
    client_ca_file: Path | None = None
    min_version: Literal["TLS12", "TLS13"] = "TLS12"

    @model_validator(mode="after")
    def _knows_whom_to_trust(self) -> Self:
        if (self.client_auth_type != "NoClientCert") != (self.client_ca_file is not None):
            raise ValueError("client_auth_type and client_ca_file need each other")
        return self

    def context(self) -> ssl.SSLContext:
        """What a server's sockets need; raises OSError when a file cannot be used."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = VERSIONS[self.min_version]
        context.load_cert_chain(self.cert_file, self.key_file, password="")
        context.verify_mode = CLIENTS[self.client_auth_type]
        if self.client_ca_file:
            context.load_verify_locations(self.client_ca_file)
        return context


class WebConfig(Strict):
    """The whole file. Paths are relative to it."""

    tls_server_config: TlsServer | None = None
    basic_auth_users: dict[str, Annotated[str, AfterValidator(_is_hash)]] = Field(default_factory=dict)


def read_web_config(path: Path) -> WebConfig:
    """The file; raises ConfigurationError with everything wrong with it."""
    web = read(path, WebConfig)
    tls = web.tls_server_config
    if tls is None:
        return web
    given = ("cert_file", "key_file", "client_ca_file")
    placed = {key: path.parent / file for key in given if (file := getattr(tls, key)) is not None}
    tls = tls.model_copy(update=placed)
    try:
        tls.context()
    except OSError as error:  # ssl.SSLError is one
        what = f"the certificate or key cannot be used: {error.strerror or error}"
        remedy = "name readable PEM files that belong together"
        raise ConfigurationError([Problem(str(path), what, remedy, where="tls_server_config")]) from error
    return web.model_copy(update={"tls_server_config": tls})


def demand_login(application: Application, users: Mapping[str, str]) -> Application:
    """The application behind basic authentication, all of its pages."""
    checked = _Checked(users)

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        given = Authorization.from_header(environ.get("HTTP_AUTHORIZATION"))
        if given and given.type == "basic" and checked.lets_in(given.username or "", given.password or ""):
            return application(environ, start_response)
        start_response("401 Unauthorized", [("WWW-Authenticate", REALM), ("Content-Type", "text/plain")])
        return [b"log in first\n"]

    return guarded


class _Checked:
    """Compares passwords with their hashes, which is slow on purpose: what was right once is remembered."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = {user: hashed.encode() for user, hashed in users.items()}
        self._one_at_a_time = threading.Lock()
        self._right: dict[str, bytes] = {}

    def lets_in(self, user: str, password: str) -> bool:
        """Whether this is the user's password."""
        mark = sha256(f"{user}\0{password}".encode()).digest()
        if hmac.compare_digest(self._right.get(user, b""), mark):
            return True
        with self._one_at_a_time:
            right = bcrypt.checkpw(password.encode()[:72], self._users.get(user, SOMEBODY))
        if right and user in self._users:
            self._right[user] = mark
            return True
        return False
