"""Names of files from outside: harmless everywhere, and still what people called them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_store.domain.file_names import LONGEST, harmless, suffix


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("Informe técnico RCA – corte del 05.10.pdf", "Informe técnico RCA – corte del 05.10.pdf"),
        ("año_ñandú.csv", "año_ñandú.csv"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\ana\\log.txt", "log.txt"),
        ("factura\u202efdp.exe", "facturafdp.exe"),
        ("a\x1b[2J\r\nb.txt", "a[2J b.txt"),
        ("con.txt", "_con.txt"),
        ("LPT1", "_LPT1"),
        ("-rf.txt", "rf.txt"),
        (".bashrc", "bashrc"),
        ('a"b<c>|d?.txt', "a_b_c__d_.txt"),
        ("log.txt. . ", "log.txt"),
        ("...", "adjunto"),
        ("", "adjunto"),
        ("/", "adjunto"),
        ("\ud800\x00", "adjunto"),
        ("n\u0303.txt", "ñ.txt"),
    ],
)
def test_a_name_is_made_harmless_and_stays_readable(given_name: str, kept: str) -> None:
    assert harmless(given_name) == kept


def test_a_long_name_keeps_its_ending() -> None:
    short = harmless("á" * 5000 + ".log")
    assert (len(short), suffix(short)) == (LONGEST, ".log")


@given(st.text(max_size=300))
def test_whatever_the_name_it_is_one_printable_part_of_a_path(name: str) -> None:
    made = harmless(name)
    assert made
    assert len(made) <= LONGEST
    assert made.isprintable()
    assert not set(made) & set('/\\<>:"|?*')
    assert not made.startswith((".", "-"))
    assert harmless(made) == made


@pytest.mark.parametrize(
    ("name", "ending"), [("a.PDF", ".pdf"), ("a.tar.gz", ".gz"), ("a", ""), (".pdf", ""), ("", "")]
)
def test_the_ending_is_what_stands_after_the_last_dot(name: str, ending: str) -> None:
    assert suffix(name) == ending
