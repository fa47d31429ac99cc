"""What every connection to a mail server shares: TLS, the password, and named reasons for what does not work."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from groundwork.problems import Away, ConfigurationError
from incident_store.mail_ways import Trouble
from mailroom.contacts import Server
from mailroom.desk import secret

ADVICE = {
    Trouble.UNREACHABLE: "check its address and the network",
    Trouble.TLS: "renew its certificate, or name its authority as ca_file",
    Trouble.LOGIN: "correct the user or the password file",
    Trouble.REFUSED: "ask its administrator",
    Trouble.CONFIGURATION: "correct contacts.yml",
}


class WayClosed(Away):
    """A way in or out does not work, for every mail alike: `trouble` names why, the text says what to do."""

    def __init__(self, trouble: Trouble, server: str, said: str) -> None:
        self.trouble = trouble
        super().__init__(f"{server}: {one_line(said)}; {ADVICE[trouble]}")


def context(server: Server) -> ssl.SSLContext:
    """How the server's certificate is judged; raises WayClosed when its authority's file cannot be used."""
    try:
        return ssl.create_default_context(cafile=server.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise WayClosed(Trouble.CONFIGURATION, name(server), f"ca_file {server.ca_file}: {error}") from error


def password(server: Server) -> str:
    """The password of the server's login, read anew; raises WayClosed when its file cannot be used."""
    assert server.login is not None
    try:
        return secret(server.login.password_file)
    except ConfigurationError as error:
        raise WayClosed(Trouble.CONFIGURATION, name(server), str(error.problems[0])) from error


@contextmanager
def named_reasons(server: Server) -> Iterator[None]:
    """Translate what the network and TLS raise."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        said = f"its certificate is not accepted: {error.verify_message or error.reason}"
        raise WayClosed(Trouble.TLS, name(server), said) from error
    except ssl.SSLError as error:
        raise WayClosed(Trouble.TLS, name(server), f"TLS failed: {error.reason or error}") from error
    except OSError as error:  # timeouts and unknown names too
        raise WayClosed(
            Trouble.UNREACHABLE, name(server), error.strerror or str(error) or "no answer in time"
        ) from error


def name(server: Server) -> str:
    """The server as people name it."""
    return f"{server.host}:{server.port}"


def one_line(text: str | bytes) -> str:
    """A server's words as one printable line of bounded length."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join("".join(one if one.isprintable() else " " for one in words[:600]).split())[:300]
