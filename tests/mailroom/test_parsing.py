"""Any mail there is can be read: the corpus, and what is found in the ordinary ones."""

import base64
import io
import os
import quopri
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.long_parts import LONG
from mailroom.parsing import LONGEST_TEXT, Mail, read_mail
from tests.mailroom.letters import ASKED, AWKWARD, BASE, TEXT, letter, multipart, raw


def read(body: bytes) -> Mail:
    return read_mail(io.BytesIO(body))


@pytest.mark.parametrize("name", AWKWARD)
def test_an_awkward_mail_is_read_as_far_as_it_goes(name: str) -> None:
    began = time.process_time()

    mail = read(AWKWARD[name])

    assert time.process_time() - began < 20  # a hang, not a measure
    shown = f"{mail.subject}{mail.sender_name}{mail.sender_address}{mail.text}{[one.name for one in mail.parts]}"
    assert shown.encode("utf-8")
    assert not [one for one in shown if not one.isprintable() and one not in "\n\t"]
    assert len(mail.text) <= LONGEST_TEXT
    for part in mail.parts:
        part.open().close()


@given(st.binary(max_size=3000))
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_reading_fail(body: bytes) -> None:
    for part in read(body).parts:
        part.open().close()


@given(st.lists(st.sampled_from([*AWKWARD.values()]), min_size=2, max_size=3), st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_no_mixture_of_awkward_mails_makes_reading_fail(mails: list[bytes], cut: int) -> None:
    pieces = [mail[:20_000] for mail in mails]

    read(pieces[0][cut:] + b"\r\n".join(pieces[1:]))


def test_an_ordinary_mail_says_who_what_and_when() -> None:
    mail = read(letter("Está caído\n", subject="Caída del portal á", sender='"Pérez, Juan" <JUAN@Claro.example>'))

    assert (mail.sender_name, mail.sender_address) == ("Pérez, Juan", "juan@claro.example")
    assert (mail.subject, mail.text, mail.written_at) == ("Caída del portal á", "Está caído\n", ASKED)
    assert mail.message_id == "<uno@claro.example>"


@pytest.mark.parametrize("name", ["an unknown charset", "a wrong charset", "utf-8 called utf-16"])
def test_a_text_in_a_charset_it_is_not_in_is_still_read(name: str) -> None:
    assert read(AWKWARD[name]).text == "cayó"


def test_bytes_that_no_header_may_hold_are_read_as_what_they_most_likely_are() -> None:
    assert read(raw({**BASE, "Subject": "cayó".encode()}, b"")).subject == "cayó"


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        ("winmail.dat", "winmail.dat"),
        ("signed", "firmado"),
        ("signed opaquely", "abrir el original"),
        ("a calendar", "calendario"),
        ("a forwarded mail", "otro correo"),
        ("containers without end", "demasiadas partes"),
    ],
)
def test_what_a_reader_should_know_of_a_mail_is_remarked(name: str, remark: str) -> None:
    assert remark in "; ".join(read(AWKWARD[name]).remarks)


def test_a_mail_inside_a_mail_is_read_where_nothing_else_is_said() -> None:
    mail = read(AWKWARD["a forwarded mail"])

    assert mail.text.strip() == "El portal no responde"
    assert [part.name for part in mail.parts] == ["mensaje.eml"]
    assert b"Subject: el original" in mail.parts[0].open().read()


def test_a_file_name_stays_in_its_folder() -> None:
    assert [part.name for part in read(AWKWARD["an attachment named to escape"]).parts] == ["passwd.pdf"]
    assert [part.name for part in read(AWKWARD["an attachment named in pieces"]).parts] == ["capón.pdf"]


def test_html_is_read_as_what_it_shows() -> None:
    assert read(AWKWARD["html alone"]).text == "El portal\nno abre\n"


def test_the_same_mail_by_another_way_is_the_same() -> None:
    body = letter()
    other = b"Received: from x by y; Mon, 5 Oct 2026 17:00:05 +0000\r\nDelivered-To: z\r\n" + body

    assert read(body).identity == read(other).identity


def test_a_mail_is_read_from_its_start_however_often() -> None:
    source = io.BytesIO(letter())

    assert read_mail(source).identity == read_mail(source).identity


def test_another_text_under_the_same_message_id_is_another_mail() -> None:
    assert read(letter("uno")).identity != read(letter("dos")).identity


def test_the_topmost_received_header_is_when_it_arrived() -> None:
    last, first = (f"Received: by y; Mon, 5 Oct 2026 17:00:{second} +0000\r\n".encode() for second in ("05", "01"))

    assert read(last + first + letter()).arrived_at == datetime(2026, 10, 5, 17, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
def test_a_long_attachment_comes_out_as_it_was(encoding: str) -> None:
    lines = [bytes([32 + byte % 90 for byte in os.urandom(70)]) for _ in range(3 * LONG // 70)]
    content = b"\r\n".join(line.replace(b"-", b"+") for line in lines)
    written = {
        "base64": lambda: base64.encodebytes(content).replace(b"\n", b"\r\n"),
        "quoted-printable": lambda: quopri.encodestring(content.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n"),
        "8bit": lambda: content,
    }[encoding]()
    head = (
        "Content-Type: text/x-log\r\nContent-Disposition: attachment; filename=a.log\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    )

    [part] = read(multipart("mixed", TEXT, head.encode() + written)).parts

    assert part.open().read().replace(b"\r\n", b"\n").rstrip() == content.replace(b"\r\n", b"\n").rstrip()


def test_a_long_text_is_cut_and_not_lost() -> None:
    mail = read(raw(BASE, b"una linea de texto\r\n" * 50_000))

    assert mail.text.startswith("una linea de texto\nuna linea")
    assert len(mail.text) == LONGEST_TEXT
