"""The form of the login page."""

from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField, SubmitField
from wtforms.validators import DataRequired, Length


class LoginForm(FlaskForm):  # type: ignore[misc]
    """Name and password."""

    name = StringField("Usuario", validators=[DataRequired("Escriba su usuario."), Length(max=64)])
    password = PasswordField("Contraseña", validators=[DataRequired("Escriba su contraseña."), Length(max=1024)])
    submit = SubmitField("Ingresar")
