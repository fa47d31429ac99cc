"""An OpenID Connect provider on loopback: pyop's, which others run in production, behind a few routes."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from Cryptodome.PublicKey import RSA
from flask import Flask, Response, jsonify, redirect, request
from jwkest.jwk import RSAKey
from pyop.authz_state import AuthorizationState
from pyop.exceptions import OAuthError
from pyop.provider import Provider
from pyop.subject_identifier import HashBasedSubjectIdentifierFactory
from pyop.userinfo import Userinfo
from werkzeug.serving import make_server

CLIENT, SECRET = "consola", "the secret of the console"


class IdentityServer:
    """Whoever is `at_the_browser` is taken to have logged in there."""

    def __init__(self, url: str, back: str) -> None:
        self.url = url
        self.at_the_browser = {"sub": "u1", "preferred_username": "ana", "email": "ana@osiptel.example"}
        self.refuses = False
        self.trusted: Path | None = None
        self.in_identity_token: dict[str, Any] = {}
        self.people: dict[str, dict[str, str]] = {}
        described = {
            "issuer": url,
            "authorization_endpoint": f"{url}/authorize",
            "token_endpoint": f"{url}/token",
            "userinfo_endpoint": f"{url}/userinfo",
            "jwks_uri": f"{url}/jwks",
            "scopes_supported": ["openid", "profile", "email"],
            "response_types_supported": ["code"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "subject_types_supported": ["public"],
        }
        client = {
            "client_secret": SECRET,
            "redirect_uris": [back],
            "response_types": ["code"],
            "subject_type": "public",
            "token_endpoint_auth_method": "client_secret_basic",
        }
        self.provider = Provider(
            self.new_key("1"),
            described,
            AuthorizationState(HashBasedSubjectIdentifierFactory("salt")),
            {CLIENT: client},
            Userinfo(self.people),
        )

    @staticmethod
    def new_key(name: str) -> RSAKey:
        """A key to sign with."""
        return RSAKey(key=RSA.generate(2048), use="sig", alg="RS256", kid=name)

    def app(self) -> Flask:
        """Its pages."""
        app = Flask("identity")
        app.add_url_rule("/.well-known/openid-configuration", view_func=self.described)
        app.add_url_rule("/jwks", view_func=lambda: jsonify(self.provider.jwks), endpoint="jwks")
        app.add_url_rule("/authorize", view_func=self.authorize)
        app.add_url_rule("/token", view_func=self.token, methods=["POST"])
        app.add_url_rule("/userinfo", view_func=self.userinfo)
        return app

    def described(self) -> Response:
        return jsonify(self.provider.provider_configuration.to_dict())

    def authorize(self) -> Any:
        asked = self.provider.parse_authentication_request(request.query_string.decode())
        if self.refuses:
            return redirect(f"{asked['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': asked['state']})}")
        person = self.at_the_browser["sub"]
        self.people[person] = self.at_the_browser
        answer = self.provider.authorize(asked, person)
        return redirect(answer.request(asked["redirect_uri"]))

    def token(self) -> Any:
        try:
            answer = self.provider.handle_token_request(
                request.get_data(as_text=True), request.headers, extra_id_token_claims=self.in_identity_token
            )
        except OAuthError as error:
            return jsonify({"error": error.oauth_error}), 400
        return jsonify(answer.to_dict())

    def userinfo(self) -> Any:
        answer = self.provider.handle_userinfo_request(request.get_data(as_text=True), request.headers)
        return jsonify(answer.to_dict())


@contextmanager
def identity_server(port: int, back: str, secured: ssl.SSLContext) -> Iterator[IdentityServer]:
    """The provider, listening on loopback; it takes browsers back to `back`."""
    identity = IdentityServer(f"https://localhost:{port}", back)
    server = make_server("127.0.0.1", port, identity.app(), threaded=True, ssl_context=secured)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield identity
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
