"""Signing in through the company's own service: OpenID Connect, code flow with PKCE, bound to the browser.

Addresses come from the settings and from the provider they name, never from a request.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, select

from contracts.errors import FedeleError
from contracts.settings import OidcSection
from contracts.time import to_text
from serving.keys import hash_secret
from serving.store import tables
from serving.store.work import WorkStore

SIGN_IN_LASTS = timedelta(minutes=10)
SKEW = timedelta(minutes=2)
PATIENCE = 5.0
ALGORITHMS = ["RS256", "ES256", "PS256"]
SCOPE = "openid email"


class SignInRefused(FedeleError):
    """The sign-in service, or what it said, cannot be trusted; the text is for the log."""

    code = "sign_in_refused"


@dataclass(frozen=True)
class Departure:
    """Where to send the browser, and the state it must bring back in a cookie."""

    address: str
    state: str


def is_configured(settings: OidcSection) -> bool:
    """Return whether people may sign in through a service of their own."""
    return None not in (settings.issuer, settings.client_id, settings.redirect_url)


def begin_sign_in(work: WorkStore, settings: OidcSection, now: datetime) -> Departure:
    """Return where the browser goes to sign in, good for ten minutes and once.

    Raises:
        SignInRefused: the service does not answer as it should, or has an address that is not safe.
    """
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    with _open_client(settings) as client:
        found = _discover(client, settings)
        address, _ = client.create_authorization_url(
            found["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
        )
    sign_ins = tables.sign_ins
    with work.write() as connection:
        connection.execute(delete(sign_ins).where(sign_ins.c.expires_at <= _second(now)))
        connection.execute(
            sign_ins.insert().values(
                digest=hash_secret(state),
                nonce=nonce,
                verifier=verifier,
                expires_at=_second(now + SIGN_IN_LASTS),
            )
        )
    return Departure(str(address), state)


def finish_sign_in(work: WorkStore, settings: OidcSection, state: str, code: str, now: datetime) -> str:
    """Return the subject the service vouches for; the state is used up whatever comes of it.

    Raises:
        SignInRefused: the state is unknown, used or too old, or the identity does not check.
    """
    sign_ins = tables.sign_ins
    with work.write() as connection:
        row = connection.execute(
            select(sign_ins).where(
                sign_ins.c.digest == hash_secret(state), sign_ins.c.expires_at > _second(now)
            )
        ).first()
        connection.execute(delete(sign_ins).where(sign_ins.c.digest == hash_secret(state)))
    if row is None or not code:
        raise SignInRefused("The sign-in is unknown, used or older than ten minutes: begin again.")
    with _open_client(settings) as client:
        found = _discover(client, settings)
        try:
            token = client.fetch_token(found["token_endpoint"], code=code, code_verifier=row.verifier)
            keys = client.request("GET", found["jwks_uri"], withhold_token=True).json()
        except Exception as error:  # whatever the network or the library raises: nobody comes in
            raise SignInRefused(f"The sign-in service refused the code ({type(error).__name__}).") from error
    return _read_subject(token, keys, settings, row.nonce, now)


def _open_client(settings: OidcSection) -> Any:
    from authlib.integrations.httpx_client import OAuth2Client  # imported late: few companies need it

    secret = settings.client_secret
    return OAuth2Client(
        settings.client_id,
        None if secret is None else secret.get_secret_value(),
        redirect_uri=settings.redirect_url,
        scope=SCOPE,
        code_challenge_method="S256",
        timeout=PATIENCE,
        follow_redirects=False,
        trust_env=False,
    )


def _discover(client: Any, settings: OidcSection) -> dict[str, str]:
    issuer = (settings.issuer or "").rstrip("/")
    _check_address(issuer)
    try:
        answer = client.request("GET", f"{issuer}/.well-known/openid-configuration", withhold_token=True)
        answer.raise_for_status()
        found: dict[str, str] = answer.json()
    except Exception as error:  # as above
        raise SignInRefused(f"The sign-in service does not answer ({type(error).__name__}).") from error
    if found.get("issuer", "").rstrip("/") != issuer:
        raise SignInRefused("The sign-in service names another issuer than [oidc] does.")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        _check_address(found.get(name, ""))
    return found


def _check_address(address: str) -> None:
    """Raise unless an address is https, or on this machine, where a test or a proxy listens."""
    parts = urlsplit(address)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise SignInRefused("The sign-in service has an address without https: mend [oidc].")


def _read_subject(token: Any, keys: Any, settings: OidcSection, nonce: str, now: datetime) -> str:
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    wanted: dict[str, Any] = {
        "iss": {"essential": True, "value": settings.issuer},
        "nonce": {"essential": True, "value": nonce},
        "aud": {"essential": True, "value": settings.client_id},
        "sub": {"essential": True},
        "exp": {"essential": True},
        "iat": {"essential": True},
    }
    try:
        claims = jwt.decode(token["id_token"], KeySet.import_key_set(keys), algorithms=ALGORITHMS).claims
        registry = jwt.JWTClaimsRegistry(now=int(now.timestamp()), leeway=int(SKEW.total_seconds()), **wanted)
        registry.validate(claims)
    except (JoseError, KeyError, TypeError, ValueError) as error:
        raise SignInRefused(f"The identity does not check ({type(error).__name__}).") from error
    others = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if len(others) > 1 and claims.get("azp") != settings.client_id:
        raise SignInRefused("The identity was made for another service.")
    return str(claims["sub"])


def _second(instant: datetime) -> str:
    return to_text(instant.replace(microsecond=0))
