"""Semantics 13 to 18: the worked cases that people read are what the program reckons."""

import pytest

from tests.domain.worked_clocks import CASES, DOCUMENTS, Case, render


@pytest.mark.parametrize("case", CASES, ids=[case.given["en"] for case in CASES])
def test_each_worked_case_is_reckoned_to_the_second(case: Case) -> None:
    reading = case.reading()
    assert (reading.due, reading.elapsed, reading.state) == (case.due, case.elapsed, case.state)


@pytest.mark.parametrize("language", DOCUMENTS)
def test_the_documents_show_the_cases_that_are_tested(language: str) -> None:
    remedy = "run: .venv/bin/python -m tests.domain.worked_clocks"
    assert DOCUMENTS[language].read_text(encoding="utf-8") == render(language), remedy
