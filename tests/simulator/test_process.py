"""The whole simulator as a process: what visitors, operators and mail programs meet, with each fault and after it."""

import signal
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import httpx
import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from simulator.faults import Fault
from simulator.imei import synthetic_imei
from simulator.mail import read_mails
from tests.simulator.conftest import Running

GOOD_IMEI = "001010010000014"


@pytest.fixture
def simulator(running: Running):
    yield running
    running.clear()
    running.wait_for(lambda: status(running, "/readyz") == 200)


def get(simulator: Running, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{simulator.ports['plain']}{path}", timeout=10)


def mails(simulator: Running, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{simulator.ports['mail']}{path}", timeout=10)


def status(simulator: Running, path: str) -> int:
    """The status code, or 0 when nobody answers."""
    try:
        return get(simulator, path).status_code
    except httpx.TransportError:
        return 0


def ended(connection: socket.socket) -> bool:
    """Whether the other side has broken the connection."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


def handshake(simulator: Running) -> dict[str, object]:
    """The certificate that a strict client accepts; raises ssl.SSLCertVerificationError."""
    context = ssl.create_default_context(cafile=simulator.state / "simulator" / "tls" / "ca.pem")
    address = ("127.0.0.1", simulator.ports["tls"])
    plain = socket.create_connection(address, timeout=5)
    with context.wrap_socket(plain, server_hostname="renteseg.example") as secured:
        return dict(secured.getpeercert() or {})


def test_the_portal_greets(simulator):
    page = get(simulator, "/")

    assert page.status_code == 200
    assert "RENTESEG" in page.text
    assert "script" not in page.headers["Content-Security-Policy"]


def test_the_portal_shows_the_loads_of_the_day(simulator):
    simulator.wait_for(lambda: "PROCESADO" in get(simulator, "/").text)


def test_the_api_tells_the_list_and_hides_the_serial(simulator):
    answer = get(simulator, f"/api/v1/imei/{GOOD_IMEI}")

    assert answer.status_code == 200
    assert answer.json() == {"imei": "00101001*******", "lista": "blanca"}
    assert '"imei"' in answer.text


@pytest.mark.parametrize(("imei", "found"), [("001010010000022", "excepcion"), (synthetic_imei(999_999), "ninguna")])
def test_the_api_knows_the_other_lists(simulator, imei, found):
    assert get(simulator, f"/api/v1/imei/{imei}").json()["lista"] == found


@pytest.mark.parametrize(
    ("imei", "error"),
    [
        ("00101001000001", "imei_longitud"),
        ("00101001000001a", "imei_longitud"),
        ("٠٠١٠١٠٠١٠٠٠٠٠١٤", "imei_longitud"),
        ("001010010000015", "imei_digito_verificador"),
        ("000000000000000", "imei_ceros"),
    ],
)
def test_the_api_refuses_what_is_no_imei(simulator, imei, error):
    answer = get(simulator, f"/api/v1/imei/{imei}")

    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert imei not in answer.text


def test_people_ask_by_form_and_see_the_imei_masked(simulator):
    page = httpx.post(f"http://127.0.0.1:{simulator.ports['plain']}/consulta", data={"imei": GOOD_IMEI})

    assert "00101001*******" in page.text
    assert GOOD_IMEI not in page.text


def test_the_tls_port_serves_the_portal_under_our_authority(simulator):
    context = ssl.create_default_context(cafile=simulator.state / "simulator" / "tls" / "ca.pem")
    with httpx.Client(verify=context) as client:
        answer = client.get(f"https://localhost:{simulator.ports['tls']}/")

    assert answer.status_code == 200
    assert ("DNS", "renteseg.example") in handshake(simulator)["subjectAltName"]  # type: ignore[operator]


def test_a_visitor_of_the_old_kind_sees_the_end_of_the_answer_over_tls(simulator):
    context = ssl.create_default_context(cafile=simulator.state / "simulator" / "tls" / "ca.pem")
    plain = socket.create_connection(("127.0.0.1", simulator.ports["tls"]), timeout=5)
    with context.wrap_socket(plain, server_hostname="renteseg.example") as secured:
        secured.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        received = b"".join(iter(lambda: secured.recv(4096), b""))

    assert received.endswith(b"ok\n")


def test_the_link_sends_its_banner(simulator):
    with socket.create_connection(("127.0.0.1", simulator.ports["link"]), timeout=5) as link:
        assert link.recv(100).startswith(b"RENTESEG")


def test_link_down_breaks_connections_and_refuses_new_ones_until_cleared(simulator):
    with socket.create_connection(("127.0.0.1", simulator.ports["link"]), timeout=5) as link:
        link.recv(100)
        simulator.fault(Fault.LINK_DOWN)
        for port in ("plain", "tls", "link"):
            simulator.wait_for(lambda port=port: not simulator.connects(port))  # type: ignore[misc]
        assert ended(link)

    simulator.clear()

    for port in ("plain", "tls", "link"):
        simulator.wait_for(lambda port=port: simulator.connects(port))  # type: ignore[misc]
    assert status(simulator, "/") == 200


def test_portal_down_concerns_the_pages_only(simulator):
    simulator.fault(Fault.PORTAL_DOWN)
    assert status(simulator, "/") == 503
    assert mails(simulator, "/").status_code == 200
    assert status(simulator, f"/api/v1/imei/{GOOD_IMEI}") == 200

    simulator.clear()
    assert status(simulator, "/") == 200


def test_api_slow_delays_the_api_only(simulator):
    simulator.fault(Fault.API_SLOW)
    started = time.monotonic()
    assert status(simulator, f"/api/v1/imei/{GOOD_IMEI}") == 200
    assert time.monotonic() - started >= 2.5


def test_db_down_is_told_by_portal_and_api(simulator):
    simulator.fault(Fault.DB_DOWN)
    simulator.wait_for(lambda: status(simulator, "/") == 503)
    assert get(simulator, f"/api/v1/imei/{GOOD_IMEI}").json()["error"] == "servicio_no_disponible"
    assert status(simulator, "/readyz") == 503
    assert status(simulator, "/healthz") == 200

    simulator.clear()
    simulator.wait_for(lambda: status(simulator, "/") == 200)


def test_cert_expired_is_refused_by_clients_until_cleared(simulator):
    def expired() -> bool:
        try:
            handshake(simulator)
        except ssl.SSLCertVerificationError as error:
            return "expired" in str(error)
        return False

    simulator.fault(Fault.CERT_EXPIRED)
    simulator.wait_for(expired)

    simulator.clear()
    simulator.wait_for(lambda: not expired())


def test_active_faults_are_a_metric(simulator):
    simulator.fault(Fault.QUEUE_STUCK)

    figures = get(simulator, "/metrics").text

    assert 'renteseg_simulator_fault_active{fault="queue-stuck"} 1.0' in figures
    assert 'renteseg_simulator_fault_active{fault="db-down"} 0.0' in figures


def send(simulator: Running, subject: str, text: str, html: str = "") -> None:
    message = EmailMessage()
    message["From"] = "monitoreo@renteseg.example"
    message["To"] = "supervisor@osiptel.example"
    message["Subject"] = subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    with smtplib.SMTP("127.0.0.1", simulator.ports["smtp"]) as server:
        server.send_message(message)


def test_mail_is_kept_once_it_is_accepted_and_listed(simulator):
    send(simulator, "Caída del portal — Ñaña", "El portal no responde.\n", "<p>El portal</p>")

    assert len(list((simulator.state / "mail" / "new").iterdir())) >= 1
    listed = simulator.simulate("mail").stdout
    assert "supervisor@osiptel.example  Caída del portal — Ñaña" in listed
    newest = simulator.simulate("mail", "--last").stdout
    assert newest.startswith("From: monitoreo@renteseg.example\nTo: supervisor@osiptel.example\n")
    assert newest.endswith("\n\nEl portal no responde.\n")


def test_hostile_mail_is_shown_and_does_nothing(simulator):
    send(simulator, "<script>alert(1)</script>", "</pre><img src=x onerror=alert(2)>\x1b[2J\n")

    page = mails(simulator, "/").text
    key = page.split('<td><a href="/')[1].split('"')[0]
    message = mails(simulator, f"/{key}").text

    for shown in (page, message):
        assert "<script>" not in shown
        assert "&lt;script&gt;alert(1)" in shown
    assert "&lt;img src=x" in message
    assert "\x1b" not in message
    assert "\x1b" not in simulator.simulate("mail", "--last").stdout


def test_mail_from_nobody_to_anybody_is_accepted(simulator):
    with smtplib.SMTP("127.0.0.1", simulator.ports["smtp"]) as server:
        server.login("anybody", "anything")
        refused = server.sendmail("", ["a@example", "b@example"], b"Subject: =?x-no?B?////?=\r\n\r\n\xff\xfe bytes")

    assert refused == {}
    assert "a@example, b@example" in simulator.simulate("mail").stdout


def test_mails_that_come_at_once_are_all_kept(simulator):
    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(lambda number: send(simulator, f"at once {number:02d}", "text"), range(24)))

    listed = simulator.simulate("mail").stdout
    assert all(f"at once {number:02d}" in listed for number in range(24))


def test_a_mail_that_is_not_there_is_not_found(simulator):
    assert mails(simulator, "/..%2f..%2fetc").status_code == 404


# --- the mailbox ----------------------------------------------------------------------------------------------


@contextmanager
def mailbox(simulator: Running, password: str = "") -> Iterator[IMAPClient]:
    """RENTESEG's mailbox, opened as the mailroom opens it."""
    secret = password or (simulator.state / "secrets" / "imap-password").read_text().strip()
    with IMAPClient("127.0.0.1", simulator.ports["imap"], ssl=False) as client:
        client.login("renteseg", secret)
        yield client


def subjects(client: IMAPClient) -> list[str]:
    found = client.fetch(client.search(), ["BODY.PEEK[]"])
    parsed = [message_from_bytes(one[b"BODY[]"], policy=default) for _uid, one in sorted(found.items())]
    return [str(mail["Subject"]) for mail in parsed]


def test_the_mailbox_holds_what_was_written_to_renteseg_and_tells_of_it_at_once(simulator):
    send(simulator, "para otro", "text")
    with mailbox(simulator) as client:
        client.select_folder("INBOX", readonly=True)
        before = len(client.search())
        client.idle()
        assert simulator.simulate("write", "No abre.", "--subject", "Consulta — Ñaña").returncode == 0

        told = client.idle_check(timeout=5)
        client.idle_done()

        assert (before + 1, b"EXISTS") in told
        assert subjects(client)[-1] == "Consulta — Ñaña"
        assert "para otro" not in subjects(client)


def test_the_mailbox_opens_only_with_its_password(simulator):
    with pytest.raises(LoginError), mailbox(simulator, "otra"):
        pass


def test_the_newest_notice_is_answered_by_its_recipient(simulator):
    notice = EmailMessage()
    notice["From"], notice["To"] = "RENTESEG <renteseg@osiptel.example>", "INETUM <mesa@inetum.example>"
    notice["Subject"], notice["Message-ID"] = "[RENTESEG-7] Ticket", "<uno@osiptel.example>"
    with smtplib.SMTP("127.0.0.1", simulator.ports["smtp"]) as server:
        server.send_message(notice)
    send(simulator, "una alerta", "de otro")

    said = simulator.simulate("write", "Recibido.", "--answer").stdout

    assert said == "mesa@inetum.example → renteseg@osiptel.example: Re: [RENTESEG-7] Ticket\n"
    [answer] = [mail for mail in read_mails(simulator.state / "mail") if mail.subject == "Re: [RENTESEG-7] Ticket"]
    assert answer.text == "Recibido.\n"


def test_after_a_restart_the_mailbox_has_its_mails_and_another_uidvalidity(own_running):
    own_running.start()
    for number in range(3):
        own_running.simulate("write", "texto", "--subject", f"correo {number}")
    with mailbox(own_running) as client:
        first = client.select_folder("INBOX", readonly=True)
        bodies = client.fetch(client.search(), ["BODY.PEEK[]"])
    own_running.end()

    own_running.start()

    with mailbox(own_running) as client:
        again = client.select_folder("INBOX", readonly=True)
        same = client.fetch(client.search(), ["BODY.PEEK[]"])
    assert again[b"UIDVALIDITY"] != first[b"UIDVALIDITY"]
    assert [one[b"BODY[]"] for one in same.values()] == [one[b"BODY[]"] for one in bodies.values()]
    assert len(same) == 3


def test_what_no_mail_can_say_and_a_server_that_is_away_are_one_line(simulator, own_running):
    refused = simulator.simulate("write", "x", "--subject", "dos\nlíneas")
    away = own_running.simulate("write", "x")

    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert (away.returncode, away.stderr.count("\n")) == (3, 1)


def test_it_stops_when_asked_and_starts_again_with_its_faults_and_mails(own_running):
    own_running.start()
    send(own_running, "before", "text")
    authority = (own_running.state / "simulator" / "tls" / "ca.pem").read_bytes()
    assert own_running.simulate("fault", "portal-down", "--for", "1h").returncode == 0
    assert own_running.end(signal.SIGINT) == 0
    assert "Traceback" not in own_running.errors

    own_running.start()

    assert status(own_running, "/") == 503
    assert "before" in own_running.simulate("mail").stdout
    assert (own_running.state / "simulator" / "tls" / "ca.pem").read_bytes() == authority
    assert own_running.end() == 0


def test_a_port_in_use_is_told_in_one_line(own_running):
    with socket.create_server(("127.0.0.1", own_running.ports["link"])), pytest.raises((AssertionError, OSError)):
        own_running.wait_for = lambda _condition: None  # type: ignore[method-assign]
        own_running.start()
        own_running.process.wait(20)
        raise OSError

    assert own_running.process.returncode == 3
    assert str(own_running.ports["link"]) in own_running.process.stderr.read()
