"""The sections of the console, in the order in which they are shown."""

from flask import Flask, url_for

SECTIONS = (
    ("operatividad", "Operatividad", "operation.operation"),
    ("cargas", "Cargas", "loads.loads"),
    ("incidencias", "Incidencias", "incidents.incidents"),
    ("bandeja", "Bandeja", "inbox.inbox"),
    ("mantenimientos", "Mantenimientos", "maintenance.windows"),
    ("reportes", "Reportes", "reports.months"),
    ("administracion", "Administración", "administration.administration"),
)
"""Short name, which the keyboard goes by, words, and endpoint."""


def prepare_navigation(app: Flask) -> None:
    """Put the sections where templates find them."""

    def navigation() -> list[tuple[str, str, str]]:
        return [(name, words, url_for(endpoint)) for name, words, endpoint in SECTIONS]

    app.jinja_env.globals["navigation"] = navigation
