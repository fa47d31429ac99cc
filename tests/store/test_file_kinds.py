"""What is attached is what its name says and does nothing: everything else is refused with what was expected."""

import io
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incident_store.file_kinds import MOST_MEMBERS, OFFICE, NotTaken, examine

LIMIT = 1024 * 1024
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
EXECUTABLES = {
    "windows": b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0" + b"\0" * 200,
    "linux": Path("/bin/sh").read_bytes(),
    "shell": b"#!/bin/sh\nrm -rf /\n",
    "batch": b"@echo off\r\ndel *.*\r\n",
    "page": b"\n <!DOCTYPE html><script>alert(1)</script>",
    "drawing": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "php": b"<?php system($_GET[0]);",
    "rtf": b"{\\rtf1 {\\object\\objemb}}",
    "old office": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
}


def taken(name: str, content: bytes) -> str:
    return examine(name, io.BytesIO(content), LIMIT)


def packed(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def office(main: str, **more: bytes) -> bytes:
    types = f'<Types><Override PartName="/x" ContentType="{main}"/></Types>'.encode()
    return packed({"[Content_Types].xml": types, "x": b"<x/>", **more})


DOCUMENT = f"{OFFICE}wordprocessingml.document.main+xml"


def workbook() -> bytes:
    file = io.BytesIO()
    openpyxl.Workbook().save(file)
    return file.getvalue()


def mail(name: str | None = None, content: bytes = b"") -> bytes:
    message = EmailMessage()
    message["Subject"] = "Informe técnico"
    message.set_content("Adjunto lo pedido.")
    message.add_alternative("<html><body>Adjunto lo pedido.</body></html>", subtype="html")
    if name is not None:
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("a.txt", "corte a las 10:00, ñandú\n".encode(), "text/plain"),
        ("a.txt", b"", "text/plain"),
        ("a.log", "línea de Windows\r\n".encode("cp1252"), "text/plain"),
        ("a.log", "con marca\n".encode("utf-16"), "text/plain"),
        ("a.log", b"\x1b[31mERROR\x1b[0m MZ BM\n", "text/plain"),
        ("a.log", b"<34>Oct  5 12:00:00 host app: <info> x\n", "text/plain"),
        ("A.CSV", b"MZ;2\n", "text/csv"),
        ("a.json", b'{"a": 1}', "application/json"),
        ("a.pdf", PDF, "application/pdf"),
        ("a.png", PNG, "image/png"),
        ("a.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        ("a.webp", b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        ("a.xlsx", workbook(), f"{OFFICE}spreadsheetml.sheet"),
        ("a.docx", office(DOCUMENT), f"{OFFICE}wordprocessingml.document"),
        ("a.eml", mail(), "message/rfc822"),
        ("a.eml", mail("log.txt", b"x"), "message/rfc822"),
        ("a.zip", packed({"logs/": b"", "logs/a.log": b"x", "informe.pdf": PDF}), "application/zip"),
    ],
)
def test_what_an_incident_needs_is_taken(name: str, content: bytes, media_type: str) -> None:
    assert taken(name, content) == media_type


@pytest.mark.parametrize("what", EXECUTABLES)
@pytest.mark.parametrize("name", ["a.txt", "a.log", "a.csv", "a.pdf", "a.png", "a.docx", "a.xlsx", "a.zip", "a.eml"])
def test_what_runs_is_refused_under_every_name(what: str, name: str) -> None:
    with pytest.raises(NotTaken, match=r"\.txt, \.log, \.csv"):
        taken(name, EXECUTABLES[what])


@pytest.mark.parametrize("name", ["a.exe", "a", "a.html", "a.svg", "a.docm", "a.xls", "a.7z", ".pdf", "a.txt.js"])
def test_a_name_of_no_kind_that_is_taken_is_refused_by_saying_which_are(name: str) -> None:
    with pytest.raises(NotTaken, match=r"only \.txt.*\.zip are taken"):
        taken(name, b"x")


def test_the_refusal_says_what_the_content_seems_to_be() -> None:
    with pytest.raises(NotTaken, match="application/x-msdownload"):
        taken("informe.pdf", EXECUTABLES["windows"])


@pytest.mark.parametrize(
    "content",
    [
        office("application/vnd.ms-word.document.macroEnabled.main+xml"),
        office(DOCUMENT, **{"word/vbaProject.bin": b"x"}),
        office(DOCUMENT, **{"word/activeX/activeX1.xml": b"x"}),
        office(DOCUMENT, **{"word/embeddings/oleObject1.bin": b"x"}),
        office(f"{OFFICE}spreadsheetml.sheet.main+xml"),
        office(DOCUMENT, **{"big": b""})[:-30],
        packed({"x.xml": b"x"}),
        packed({"[Content_Types].xml": DOCUMENT.encode() * 20_000}),
        PDF,
    ],
)
def test_a_document_with_macros_or_that_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(NotTaken):
        taken("a.docx", content)


def with_password() -> bytes:
    content = bytearray(packed({"a.txt": b"x"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        packed({"a.txt": b"x", "b.exe": EXECUTABLES["windows"]}),
        packed({"a.txt": EXECUTABLES["windows"]}),
        packed({"a.zip": packed({"a.txt": b"x"})}),
        packed({"a.txt": b"\n" * (5 * LIMIT)}),
        packed({f"{number}.txt": b"\n" * LIMIT for number in range(5)}),
        packed({"a.txt": b"x"}, zipfile.ZIP_LZMA),
        packed({"a.txt": b"x" * 5000})[:60] + b"\0" * 30,
        packed({"a.txt": b"x" * 5000, "b.txt": b"y"}).replace(b"PK\x03\x04", b"PK\x03\x05", 2),
        with_password(),
    ],
)
def test_an_archive_that_hides_or_swells_or_is_broken_is_refused(content: bytes) -> None:
    with pytest.raises(NotTaken):
        taken("a.zip", content)


def test_an_archive_with_an_endless_list_is_refused_before_the_list_is_read() -> None:
    with pytest.raises(NotTaken, match="at most 10,000 files"):
        taken("a.zip", b"PK\x03\x04" + b"PK\x01\x02" * (MOST_MEMBERS + 1))


@pytest.mark.parametrize(
    ("name", "content"), [("x.exe", b"MZ"), ("x.pdf", b"MZ"), ("x.zip", packed({"a.txt": b""})), ("x", b"")]
)
def test_a_mail_that_carries_what_is_not_taken_is_refused(name: str, content: bytes) -> None:
    with pytest.raises(NotTaken):
        taken("a.eml", mail(name, content))


def test_a_mail_with_a_nameless_program_in_it_is_refused() -> None:
    body = b"Subject: x\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nTVo=\r\n"
    with pytest.raises(NotTaken):
        taken("a.eml", body)


WHOLE = {
    "a.zip": packed({"a.log": b"x" * 500, "b.pdf": PDF}),
    "a.docx": office(DOCUMENT),
    "a.eml": mail("log.txt", b"x"),
}


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12))
def test_whatever_is_wrong_with_a_file_it_is_taken_or_refused(name: str, harms: list[tuple[float, int]]) -> None:
    content = bytearray(WHOLE[name])
    for where, byte in harms:
        content[int(where * (len(content) - 1))] = byte
    with suppress(NotTaken):
        taken(name, bytes(content))


@settings(max_examples=1000, deadline=None)
@given(
    st.sampled_from(["Content-Type", "Content-Disposition", "Content-Transfer-Encoding", "Subject", "To"]),
    st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"])),
)
def test_whatever_stands_in_the_head_of_a_mail_it_is_taken_or_refused(header: str, value: str) -> None:
    with suppress(NotTaken):
        taken("a.eml", f"{header}: {value}\n\nx".encode())
