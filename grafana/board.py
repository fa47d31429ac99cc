"""A dashboard as data: what it is called, what it is chosen by, and its rooms of panels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models import dashboard as model

from grafana.parts import SOURCE

TAG = "renteseg"
MARKS = {
    "Incidencias": ("red", "sum by (kind, severity) (increase(renteseg_incidents_total[1m])) > 0"),
    "Mantenimientos": ("blue", "max by (component) (renteseg_maintenance_active) == 1"),
}
"""What is drawn across every panel: name, colour, query."""


@dataclass(frozen=True)
class Board:
    """One dashboard; `rooms` are its rows and the panels in each, `variables` what it is chosen by."""

    uid: str
    title: str
    description: str
    rooms: Sequence[tuple[str, Sequence[Callable[[], Any]]]]
    variables: Sequence[Any] = ()
    page: str = "/"
    """The console's page about the same thing."""
    begins: str = "now-6h"
    refresh: str = "10s"

    def build(self) -> dashboard.Dashboard:
        """The dashboard; the panels' ids follow from their order, so that two runs agree."""
        board = self._frame()
        number = 0
        for title, panels in self.rooms:
            number += 1
            board.with_row(dashboard.Row(title).id(number))
            for panel in panels:
                number += 1
                board.with_panel(panel().id(number))
        return board

    def _frame(self) -> dashboard.Dashboard:
        board = (
            dashboard.Dashboard(self.title)
            .uid(self.uid)
            .description(self.description)
            .tags([TAG])
            .timezone("America/Lima")
            .time(self.begins, "now")
            .refresh(self.refresh)
            .readonly()
            .tooltip(model.DashboardCursorSync.CROSSHAIR)
            .with_variable(dashboard.DatasourceVariable("fuente").label("Fuente").type("prometheus"))
            .with_variable(dashboard.TextBoxVariable("consola").label("Consola").default_value("http://127.0.0.1:8080"))
        )
        for variable in self.variables:
            board.with_variable(variable)
        for name, (colour, expr) in MARKS.items():
            board.annotation(_mark(name, colour, expr))
        board.link(_link("Otros tableros", "", "dashboards"))
        return board.link(_link("Consola", f"${{consola}}{self.page}", "link"))


def _mark(name: str, colour: str, expr: str) -> dashboard.AnnotationQuery:
    return dashboard.AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color(colour).expr(expr)


def _link(title: str, url: str, kind: str) -> dashboard.DashboardLink:
    link = dashboard.DashboardLink(title).type(model.DashboardLinkType(kind)).url(url).as_dropdown(kind == "dashboards")
    return link.tags([TAG] if kind == "dashboards" else []).include_vars(kind == "dashboards").keep_time(True)
