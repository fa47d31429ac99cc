"""Forms about people, passwords and tokens."""

import re

from wtforms import Form, IntegerField, PasswordField, RadioField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, EqualTo, InputRequired, Length, NumberRange, Optional, Regexp

from console.step_forms import MISSING
from incident_store.domain.lifecycle import Role
from incident_store.people import LONGEST_PASSWORD, SHORTEST_PASSWORD
from incident_store.tokens import LONGEST_DAYS

NAME = re.compile(r"[^\W_][\w.@+-]*(?: [\w.@+-]+)*\Z")
ROLE_CHOICES = (
    SelectChoice(Role.ANALYST.value, "Analista: actividades 1 a 4 y 8"),
    SelectChoice(Role.SUPERVISOR.value, "Supervisor: además valida, deriva, cierra y consolida"),
    SelectChoice(Role.VIEWER.value, "Consulta: solo lee"),
    SelectChoice(Role.ADMIN.value, "Administrador: personas y claves; no atiende incidencias"),
)
TOO_LONG = "Como máximo 64 caracteres."


class _Printable:
    """No character that cannot be seen or typed again."""

    def __call__(self, _form: Form, field: StringField) -> None:
        if field.data and not field.data.isprintable():
            raise ValueError("Contiene caracteres de control; escríbala sin ellos.")


def password_field(label: str, *, required: bool = True) -> PasswordField:
    """A new password."""
    fit = Length(SHORTEST_PASSWORD, LONGEST_PASSWORD, f"Escriba {SHORTEST_PASSWORD} caracteres o más.")
    checks = [DataRequired(MISSING) if required else Optional(), fit, _Printable()]
    hint = f"{SHORTEST_PASSWORD} caracteres o más; una frase sirve."
    return PasswordField(label, checks, description=hint, render_kw={"autocomplete": "new-password"})


def again_field(*, required: bool = True) -> PasswordField:
    """The same password once more."""
    same = EqualTo("password", "No coincide con la contraseña de arriba.")
    checks = [DataRequired(MISSING), same] if required else [same]
    return PasswordField("Repita la contraseña", checks, render_kw={"autocomplete": "new-password"})


def role_field() -> RadioField:
    """What somebody may do."""
    return RadioField("Rol", [InputRequired("Elija un rol.")], choices=ROLE_CHOICES)


class PersonForm(Form):  # type: ignore[misc]
    """Somebody new. Without a password only the identity provider lets them in."""

    name = StringField(
        "Usuario",
        [
            DataRequired(MISSING),
            Length(max=64, message=TOO_LONG),
            Regexp(
                NAME,
                message="Letras, cifras y . @ + - _; espacios solo entre palabras.",
            ),
        ],
        filters=[lambda text: text and text.strip()],
        description="Como lo escribirá al ingresar; con proveedor de identidad, el nombre que este da.",
    )
    role = role_field()
    password = password_field("Contraseña", required=False)
    password_again = again_field(required=False)


class RoleForm(Form):  # type: ignore[misc]
    """Another role."""

    role = role_field()


class PasswordForm(Form):  # type: ignore[misc]
    """A new password for somebody else."""

    password = password_field("Contraseña nueva")
    password_again = again_field()


class OwnPasswordForm(PasswordForm):
    """A new password of one's own."""

    password_now = PasswordField(
        "Contraseña actual", [DataRequired(MISSING)], render_kw={"autocomplete": "current-password"}
    )


class TokenForm(Form):  # type: ignore[misc]
    """A new token of one's own."""

    name = StringField(
        "Nombre",
        [DataRequired(MISSING), Length(max=64, message=TOO_LONG), _Printable()],
        filters=[lambda text: text and text.strip()],
        description="Para qué es, como «informe diario».",
    )
    days = IntegerField(
        "Días de vigencia",
        [InputRequired("Escriba un número de días."), NumberRange(1, LONGEST_DAYS, f"De 1 a {LONGEST_DAYS} días.")],
        default=90,
    )
