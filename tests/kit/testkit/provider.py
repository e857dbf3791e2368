"""A small OpenID provider on this machine, which people at a desk may be sent to in a test."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from testkit.service import run_app

CLIENT, SECRET = "fedele", "provider-secret"


@dataclass
class Provider:
    """Signs everyone in as ``subject``. ``changes`` are put over the claims: a test can make it lie."""

    now: datetime
    subject: str = "person-1"
    changes: dict[str, Any] = field(default_factory=dict)
    discovered: dict[str, str] = field(default_factory=dict)
    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    signer: RSAKey | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def build_app(self) -> Starlette:
        """Return the app with the four addresses a provider has."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.discover),
                Route("/authorize", self.authorize),
                Route("/token", self.give_token, methods=["POST"]),
                Route("/keys", self.show_keys),
            ]
        )

    async def discover(self, request: Request) -> Response:
        """Say where everything is."""
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                **self.discovered,
            }
        )

    async def authorize(self, request: Request) -> Response:
        """Sign the person in and send the browser back."""
        asked = dict(request.query_params)
        code = hashlib.sha256(asked["state"].encode()).hexdigest()
        self.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 302)

    async def give_token(self, request: Request) -> Response:
        """Give an identity for a code, once, to who knows the verifier."""
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(form["code"], None)
        challenge = urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or asked["code_challenge"] != challenge.decode().rstrip("="):
            return JSONResponse({"error": "invalid_grant"}, 400)
        seconds = int(self.now.timestamp())
        claims = {
            "iss": self.url,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": seconds,
            "exp": seconds + 300,
            "nonce": asked["nonce"],
            **self.changes,
        }
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signer or self.key)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": token})

    async def show_keys(self, request: Request) -> Response:
        """Show the public key."""
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})


@contextmanager
def serve_provider(now: datetime) -> Iterator[Provider]:
    """Serve a provider on a free port while the block lasts."""
    provider = Provider(now)
    with run_app(provider.build_app()) as address:
        provider.url = address
        yield provider


def follow(address: str) -> tuple[str, dict[str, str]]:
    """Return path and query of an address a browser is sent to."""
    parts = urlsplit(address)
    return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}
