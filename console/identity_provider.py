"""OpenID Connect: the organisation's identity provider says who somebody is; what they may do stays in our store.

Authorization code flow with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 7636, RFC 9700).
"""

import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from groundwork.problems import Away, Refused

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures that only the provider can make: never `none`, nor one made with the secret that both know."""
DEADLINE_SECONDS = 10.0
KNOWN_SECONDS = 3600
LEEWAY_SECONDS = 60
PROMISED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ProviderAway(Away):
    """The identity provider does not answer, or not as one."""


class NotProven(Refused):
    """The provider's answer does not prove who somebody is."""


@dataclass(frozen=True)
class Attempt:
    """One login under way, kept in the session of the browser that began it; times in seconds since 1970."""

    state: str
    nonce: str
    verifier: str
    began_at: float


class IdentityProvider:
    """The provider at `issuer`, where we are `client`; `claim` of its identity token is the name people have here."""

    def __init__(
        self, issuer: str, client: str, secret: str, claim: str, name: str, ca_file: Path | None = None
    ) -> None:
        self.issuer, self.name = issuer.rstrip("/"), name
        self._trust = ssl.create_default_context(cafile=ca_file)
        self._client, self._secret, self._claim = client, secret, claim
        self._lock = threading.Lock()
        self._told: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._told_at = 0.0

    def begin(self, back: str) -> tuple[str, Attempt]:
        """Where the browser is sent, and what has to be remembered meanwhile; raises ProviderAway."""
        attempt = Attempt(generate_token(32), generate_token(32), generate_token(48), time.time())
        address = prepare_grant_uri(
            self._described()["authorization_endpoint"],
            client_id=self._client,
            response_type="code",
            redirect_uri=back,
            scope="openid profile email",
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
        )
        return address, attempt

    def name_of(self, attempt: Attempt, code: str, back: str) -> str:
        """The name of whoever the provider sent back with this code; raises ProviderAway, NotProven."""
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
        endpoint = self._described()["token_endpoint"]
        try:
            answer = httpx.post(
                endpoint,
                data={**given, "code_verifier": attempt.verifier},
                auth=httpx.BasicAuth(self._client, self._secret),
                timeout=DEADLINE_SECONDS,
                verify=self._trust,
            )
            tokens = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderAway(f"{endpoint} does not answer with tokens: {error}") from error
        if answer.status_code != httpx.codes.OK or not isinstance(tokens, dict) or "id_token" not in tokens:
            raise NotProven(f"{endpoint} refused the code: {answer.status_code} {str(tokens)[:200]}")
        claims = self._claims(tokens, attempt.nonce)
        return self._name_in(claims if self._claim in claims else self._asked(tokens, claims))

    def _claims(self, tokens: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """What the identity token says, once it is known to be the provider's, for us, now and for this login."""
        expected = {"iss": {"value": self._told["issuer"]}, "aud": {"value": self._client}}
        known = {"nonce": nonce, "client_id": self._client, "access_token": tokens.get("access_token")}
        try:
            token = jwt.decode(tokens["id_token"], self._key_set(), algorithms=ALGORITHMS)
            claims = CodeIDToken(token.claims, token.header, expected, known)
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError) as error:
            with self._lock:
                self._keys = None  # the provider may have changed its keys: the next login asks for them
            raise NotProven(f"the identity token does not hold: {error}") from error
        return dict(claims)

    def _asked(self, tokens: Mapping[str, Any], claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the provider says of the same person when it is asked: some put no name into the identity token."""
        endpoint = self._told.get("userinfo_endpoint")
        if endpoint is None or "access_token" not in tokens:
            return claims
        told = self._fetch(endpoint, {"Authorization": f"Bearer {tokens['access_token']}"})
        if told.get("sub") != claims["sub"]:
            raise NotProven(f"{endpoint} speaks of somebody else")
        return told

    def _name_in(self, claims: Mapping[str, Any]) -> str:
        name = claims.get(self._claim)
        if not isinstance(name, str) or not name.strip():
            raise NotProven(f"the provider tells no {self._claim!r}; RENTESEG_OIDC_CLAIM names another one")
        if self._claim == "email" and claims.get("email_verified") is False:
            raise NotProven("the provider has not verified this address")
        return name.strip()

    def _described(self) -> Mapping[str, Any]:
        """What the provider says of itself, asked for once an hour; raises ProviderAway."""
        with self._lock:
            if self._told and time.time() - self._told_at < KNOWN_SECONDS:
                return self._told
            told = self._fetch(f"{self.issuer}/.well-known/openid-configuration")
            if str(told.get("issuer", "")).rstrip("/") != self.issuer or any(name not in told for name in PROMISED):
                raise ProviderAway(f"{self.issuer} does not describe itself as the issuer of that name")
            self._told, self._told_at, self._keys = told, time.time(), None
            return told

    def _key_set(self) -> KeySet:
        told = self._described()
        with self._lock:
            if self._keys is None:
                self._keys = KeySet.import_key_set(self._fetch(told["jwks_uri"]))  # type: ignore[arg-type]
            return self._keys

    def _fetch(self, address: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        try:
            answer = httpx.get(address, headers=headers, timeout=DEADLINE_SECONDS, verify=self._trust)
            answer.raise_for_status()
            told = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise ProviderAway(f"{address} does not answer: {error}") from error
        if not isinstance(told, dict):
            raise ProviderAway(f"{address} answers no object")
        return told
