"""The three files of one value: read back with other libraries, the same figures in each, hostile text harmless."""

import json
from datetime import datetime
from io import BytesIO
from typing import Any

import jsonschema
import pypdfium2
import pytest
from openpyxl import Workbook, load_workbook

from reports import words
from reports.monthly_report import MonthlyReport, Note, Signature
from reports.rendering.document import as_json
from reports.rendering.pdf import as_pdf
from reports.rendering.xlsx import as_xlsx
from reports.schema import schema
from tests.processes import ROOT
from tests.reports.october import LATER, at

SIGNATURE = Signature(version=2, signed_by="sofia", signed_at=LATER, reason="faltaba el RCA", figures="ab" * 32)
HOSTILE = '=HYPERLINK("http://malo.example";"x") #strong[a] $1$ <script>\u202e\x07\n' + "larga " * 2000


@pytest.fixture(scope="module")
def book(report: MonthlyReport) -> Workbook:
    return load_workbook(BytesIO(as_xlsx(report, SIGNATURE)))


def rows(book: Workbook, sheet: str) -> list[dict[str, Any]]:
    heads, *found = list(book[sheet].iter_rows(values_only=True))
    return [dict(zip(heads, row, strict=True)) for row in found]


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def hostile(report: MonthlyReport) -> MonthlyReport:
    """The report, with the worst wherever text comes from outside."""
    return report.model_copy(
        update={
            "components": tuple(
                one.model_copy(update={"name": HOSTILE, "owner": HOSTILE}) for one in report.components
            ),
            "services": tuple(one.model_copy(update={"name": HOSTILE}) for one in report.services),
            "outages": tuple(one.model_copy(update={"component": HOSTILE, "cause": HOSTILE}) for one in report.outages),
            "incidents": tuple(one.model_copy(update={"title": HOSTILE, "cause": HOSTILE}) for one in report.incidents),
            "loads": tuple(one.model_copy(update={"operator": HOSTILE}) for one in report.loads),
            "notes": (Note(kind="never_seen", subject=HOSTILE), Note(kind="prometheus_away", detail=HOSTILE)),
        }
    )


def test_the_json_is_as_the_published_schema_says(report: MonthlyReport) -> None:
    published = (ROOT / "docs" / "schemas" / "monthly-report.json").read_text(encoding="utf-8")

    assert published == schema(), "write it anew: python -m reports.schema > docs/schemas/monthly-report.json"
    for signature in (None, SIGNATURE):
        document = json.loads(as_json(report, signature))
        jsonschema.validate(document, json.loads(published), cls=jsonschema.Draft202012Validator)
        assert MonthlyReport.model_validate(document["report"]) == report


def test_the_matrix_has_a_row_an_incident_with_real_dates_and_spans(report: MonthlyReport, book: Workbook) -> None:
    matrix = rows(book, "Matriz de control de SLAs")
    [row] = [one for one in matrix if one["Componente"] == "portal-web"]

    assert len(matrix) == len(report.incidents)
    assert row["Detección"] == datetime.fromisoformat("2026-10-05 09:02")
    assert row["Derivación (ticket)"] == datetime.fromisoformat("2026-10-05 09:20")
    assert all(isinstance(row[name], datetime) for name in words.TIMES.values())
    assert row["Respuesta: transcurrido"].total_seconds() == 23 * 60
    assert row["Solución: meta"].total_seconds() == 4 * 3600
    assert row["Solución: origen de la meta"] == words.DEFAULT
    assert row["Solución: veredicto"] == "cumplido"
    assert "espera del operador" in row["Pausas"]


def test_every_sheet_has_filters_and_its_headings_in_sight(book: Workbook) -> None:
    assert book.sheetnames[:2] == ["Resumen", "Matriz de control de SLAs"]
    for sheet in book:
        assert sheet.freeze_panes
        assert sheet.auto_filter.ref


def test_the_workbook_and_the_value_say_the_same(report: MonthlyReport, book: Workbook) -> None:
    components = {row["Componente"]: row for row in rows(book, "Componentes")}
    days = rows(book, "Disponibilidad por día")

    for one in report.components:
        row = components[one.name]
        assert row["Contractual %"] == one.figures.contractual.percent
        assert row["Minutos caídos"] == one.figures.minutes.down
        mine = [day for day in days if (day["Clase"], day["Nombre"]) == ("Componente", one.name)]
        assert sum(day["Caídos"] for day in mine) == one.figures.minutes.down
    assert len(rows(book, "Interrupciones")) == len(report.outages)
    assert rows(book, "Minutos excluidos")[0]["Validó"] == "sofia"
    assert rows(book, "Resumen")[0] == {"Dato": "Mes", "Valor": "octubre de 2026"}


def test_hostile_text_is_text_in_the_workbook(report: MonthlyReport) -> None:
    found = load_workbook(BytesIO(as_xlsx(hostile(report), None)))

    cells = [cell for sheet in found for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f" or cell.hyperlink]
    assert any(str(cell.value).startswith("=HYPERLINK") for cell in cells)


def test_the_pdf_says_verdicts_method_defaults_and_who_signed(report: MonthlyReport) -> None:
    made = as_pdf(report, SIGNATURE)
    text = " ".join(text_of(made).split())

    assert len(made) < 2_000_000
    for said in (
        "Informe mensual de disponibilidad", "Octubre de 2026", "Versión 2, firmada por sofia el 05/11/2026 09:00:00",
        "No cumple", "Cumple", "Minutos caídos por día", "Cumplimiento de plazos (SLA)", "Interrupciones",
        "actualización fallida del proveedor #strong[x] $1$", "parche de la base",
        "Cargas de archivos", "Regularizaciones",
        "Método", "valor por defecto, no contractual", "sftp-nuevo: sin ninguna muestra en el mes",
        words.percent(report.services[0].figures.contractual.percent),
    ):  # fmt: skip
        assert said in text


def test_every_page_of_the_pdf_is_a4_and_has_something_on_it(report: MonthlyReport) -> None:
    document = pypdfium2.PdfDocument(as_pdf(report, None))

    for page in document:
        assert [round(side) for side in page.get_size()] == [595, 842]
        assert len(set(bytes(page.render(scale=0.2).buffer))) > 8
    assert document.get_metadata_value("Title") == "Informe mensual de disponibilidad, octubre de 2026"


def test_hostile_text_is_text_on_paper(report: MonthlyReport) -> None:
    text = text_of(as_pdf(hostile(report), None))

    assert '=HYPERLINK("http://malo.example";"x") #strong[a] $1$' in " ".join(text.split())


def test_a_report_with_nothing_in_it_is_still_a_report(report: MonthlyReport) -> None:
    lists = (
        "services",
        "components",
        "outages",
        "maintenance",
        "exclusions",
        "filled",
        "incidents",
        "compliance",
        "loads",
        "notes",
    )
    empty = report.model_copy(update=dict.fromkeys(lists, ()))

    assert "No hay servicios" in text_of(as_pdf(empty, None))
    assert "Componentes" in load_workbook(BytesIO(as_xlsx(empty, None))).sheetnames


def test_a_provisional_report_says_so_on_every_page(report: MonthlyReport) -> None:
    provisional = report.model_copy(update={"status": "provisional", "as_of": at("20 08:00")})

    pages = pypdfium2.PdfDocument(as_pdf(provisional, None))
    assert all("provisional" in page.get_textpage().get_text_range() for page in pages)
