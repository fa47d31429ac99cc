"""Mails as they come: ordinary ones, and those that break readers."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

ASKED = datetime(2026, 10, 5, 17, 0, tzinfo=UTC)


def letter(
    text: str = "El portal no responde",
    *,
    sender: str = "Juan <juan@claro.example>",
    subject: str = "No abre el portal",
    message_id: str = "<uno@claro.example>",
    at: datetime | None = ASKED,
    **headers: str,
) -> bytes:
    """An ordinary mail; `in_reply_to` and other headers by their names with `_`."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, "renteseg@osiptel.example", subject
    mail["Message-ID"] = message_id
    if at is not None:
        mail["Date"] = format_datetime(at)
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


def raw(headers: Mapping[str, bytes | str], body: bytes) -> bytes:
    """A mail put together by hand."""
    lines = b"".join(
        name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
        for name, value in headers.items()
    )
    return lines + b"\r\n" + body


BASE = {"From": "Juan <juan@claro.example>", "Subject": "Prueba", "Message-ID": "<raro@claro.example>"}
PDF = base64.encodebytes(b"%PDF-1.7 " + b"x" * 100).replace(b"\n", b"\r\n")


def multipart(kind: str, *parts: bytes, boundary: str = "frontera") -> bytes:
    """A container of parts, each with its own headers."""
    edge = boundary.encode()
    body = b"".join(b"--" + edge + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + edge + b"--\r\n"
    return raw({**BASE, "MIME-Version": "1.0", "Content-Type": f'multipart/{kind}; boundary="{boundary}"'}, body)


TEXT = b"Content-Type: text/plain; charset=utf-8\r\n\r\nEl portal no responde\r\n"
ATTACHED = (
    b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=captura.pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n" + PDF
)
NESTED = TEXT
for _depth in range(40):
    NESTED = (
        b"Content-Type: multipart/mixed; boundary=n%d\r\n\r\n--n%d\r\n" % (_depth, _depth)
        + NESTED
        + b"\r\n--n%d--\r\n" % _depth
    )

AWKWARD: Mapping[str, bytes] = {
    "empty": b"",
    "nothing but an empty line": b"\r\n",
    "not a mail at all": bytes(range(256)) * 40,
    "no headers": b"\r\nhola",
    "headers alone": b"From: juan@claro.example\r\nSubject: solo",
    "empty body": raw(BASE, b""),
    "a header without a colon": b"From: juan@claro.example\r\nesto no es nada\r\nSubject: x\r\n\r\nhola",
    "a header that begins with a space": b" plegado: de nada\r\nFrom: juan@claro.example\r\n\r\nhola",
    "raw bytes in the subject": raw({**BASE, "Subject": "se cayó".encode("latin-1")}, b"hola"),
    "raw bytes in the sender": raw({**BASE, "From": "Pérez <juan@claro.example>".encode("latin-1")}, b"hola"),
    "an unknown charset": raw({**BASE, "Content-Type": "text/plain; charset=klingon"}, "cayó".encode()),
    "a wrong charset": raw({**BASE, "Content-Type": "text/plain; charset=us-ascii"}, "cayó".encode("cp1252")),
    "utf-8 called utf-16": raw({**BASE, "Content-Type": "text/plain; charset=utf-16"}, "cayó".encode()),
    "a charset that is none": raw({**BASE, "Content-Type": 'text/plain; charset="\x00\x01"'}, b"hola"),
    "a broken encoded word": raw({**BASE, "Subject": "=?utf-8?b?@@@@?= =?x?q?=?="}, b"hola"),
    "a broken content type": raw({**BASE, "Content-Type": ';;; charset==; "'}, b"hola"),
    "a broken date": raw({**BASE, "Date": "ayer a las 99:99"}, b"hola"),
    "a date beyond years": raw({**BASE, "Date": "Mon, 1 Jan 99999 00:00:00 +9999"}, b"hola"),
    "a broken address": raw({**BASE, "From": '"<<>>,;@@" <@>, <a@b@c>'}, b"hola"),
    "many senders": raw({**BASE, "From": ", ".join(f"a{n}@claro.example" for n in range(3000))}, b"hola"),
    "a sender that hides in a comment": raw({**BASE, "From": "(" * 2000 + "x" + ")" * 2000}, b"hola"),
    "NULs": raw({**BASE, "Subject": b"cero\x00 y \x00uno"}, b"ho\x00la \x1b[31mrojo\x07"),
    "a word of 10 kB": raw({**BASE, "Subject": "x" * 10_000}, b"y" * 10_000),
    "a huge header": raw({**BASE, "References": "<a@b> " * 200_000}, b"hola"),
    "a header of a million folds": raw({**BASE, "Subject": b"x\r\n " * 200_000}, b"hola"),
    "thousands of headers": raw({**BASE, **{f"X-{n}": "x" for n in range(20_000)}}, b"hola"),
    "a line of 5 MB": raw(BASE, b"x" * 5_000_000),
    "marks that turn the writing around": raw({**BASE, "Subject": "\u202ecayo\u2066"}, "a\u202eb".encode()),
    "html alone": raw(
        {**BASE, "Content-Type": "text/html"}, b"<style>p{}</style><p>El portal<br>no <b>abre</b><script>x"
    ),
    "alternatives": multipart("alternative", TEXT, b"Content-Type: text/html\r\n\r\n<p>El portal no responde</p>\r\n"),
    "an attachment": multipart("mixed", TEXT, ATTACHED),
    "an attachment alone": multipart("mixed", ATTACHED),
    "an attachment named to escape": multipart(
        "mixed", TEXT, ATTACHED.replace(b"captura.pdf", b'"../../etc/passwd\x00.pdf"')
    ),
    "an attachment named in pieces": multipart(
        "mixed", TEXT, ATTACHED.replace(b"filename=captura.pdf", b"filename*0*=utf-8''cap%C3; filename*1*=%B3n.pdf")
    ),
    "base64 that is none": multipart("mixed", TEXT, ATTACHED.replace(PDF, b"!!!! no es base64 !!!\r\n")),
    "parts within parts": raw({**BASE, "MIME-Version": "1.0"}, b"")[:-2] + NESTED,
    "parts without an end": raw({**BASE, "Content-Type": "multipart/mixed; boundary=x"}, b"--x\r\n" + TEXT),
    "a boundary that never comes": raw({**BASE, "Content-Type": "multipart/mixed; boundary=x"}, b"hola"),
    "a multipart without boundary": raw({**BASE, "Content-Type": "multipart/mixed"}, b"hola"),
    "a hundred thousand boundaries": raw(
        {**BASE, "Content-Type": "multipart/mixed; boundary=x"}, b"--x\r\n\r\n" * 100_000
    ),
    "containers without end": raw(
        BASE,
        b"".join(b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n" % (n, n + 1) for n in range(3000)),
    ),
    "a forwarded mail": multipart(
        "mixed",
        b"Content-Type: message/rfc822\r\n\r\n" + raw({**BASE, "Subject": "el original"}, b"El portal no responde\r\n"),
    ),
    "signed": multipart(
        "signed; protocol=application/pkcs7-signature",
        TEXT,
        b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n" + PDF,
    ),
    "signed opaquely": raw(
        {
            **BASE,
            "Content-Type": "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m",
            "Content-Transfer-Encoding": "base64",
        },
        PDF,
    ),
    "winmail.dat": multipart("mixed", TEXT, ATTACHED.replace(b"application/pdf", b"application/ms-tnef")),
    "a calendar": multipart(
        "alternative", TEXT, b"Content-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
    ),
    "uuencoded": raw({**BASE, "Content-Transfer-Encoding": "x-uuencode"}, b"begin 644 a\r\n#0V%T\r\n`\r\nend\r\n"),
}
