"""AWS Signature Version 4 for calls to DynamoDB and SSM, and for calls about open sockets.

botocore's signer handles every kind of request and costs a fifth of a call. These calls have no query, and few headers
that identify them; only those are signed. For DynamoDB and SSM, the signer is hooked into botocore in place of its own.
A test compares the signatures with botocore's.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

import botocore
from botocore.session import Session


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


@lru_cache(maxsize=8)
def _signing_key(secret_key: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (date, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


class Signer:
    """A signer for the calls of clients, with the session's credentials."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def hook_into(self, client: Any) -> None:
        """Sign all further calls of the client."""
        service = client.meta.service_model.service_id.hyphenize()
        client.meta.events.register(f"choose-signer.{service}", self._choose)
        client.meta.events.register(f"before-sign.{service}", self._sign)

    def _choose(self, **_: Any) -> Any:
        # Without credentials, botocore's own signer raises its usual error.
        return None if self._session.get_credentials() is None else botocore.UNSIGNED

    def _sign(self, request: Any, region_name: str, signing_name: str, **_: Any) -> None:
        credentials = self._session.get_credentials()
        if credentials is not None:
            sign(request, credentials.get_frozen_credentials(), region_name, signing_name)


def sign(request: Any, credentials: Any, region: str, service: str) -> None:
    """Put the signature of a POST to / for the current time into the request's headers."""
    at = _now()
    headers = request.headers
    signed = {
        "content-type": headers["Content-Type"],
        "host": urlsplit(request.url).netloc,
        "x-amz-date": at,
        **({"x-amz-security-token": credentials.token} if credentials.token else {}),
        "x-amz-target": headers["X-Amz-Target"],
    }
    for name in ("X-Amz-Date", "X-Amz-Security-Token", "Authorization"):
        del headers[name]  # from an earlier attempt; deleting a missing header is no error
    headers["X-Amz-Date"] = at
    if credentials.token:
        headers["X-Amz-Security-Token"] = credentials.token
    headers["Authorization"] = _authorization("POST", "/", signed, request.data, credentials, region, service)


def signed_headers(method: str, url: str, body: bytes, credentials: Any, region: str, service: str) -> dict[str, str]:
    """Return the headers that sign a request for the current time. The URL has no query, and a normalized path."""
    at = _now()
    parts = urlsplit(url)
    token = {"x-amz-security-token": credentials.token} if credentials.token else {}
    signed = {"host": parts.netloc, "x-amz-date": at, **token}
    # The path is encoded once more, as for every service but S3.
    path = quote(parts.path, safe="/~")
    authorization = _authorization(method, path, signed, body, credentials, region, service)
    return {"x-amz-date": at, **token, "authorization": authorization}


def _now() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"


def _authorization(
    method: str, path: str, signed: Mapping[str, str], body: bytes, credentials: Any, region: str, service: str
) -> str:
    """Return the header Authorization. `signed`: the signed headers by their names, sorted."""
    at = signed["x-amz-date"]
    names = ";".join(signed)
    lines = "\n".join(f"{name}:{value}" for name, value in signed.items())
    payload = hashlib.sha256(body).hexdigest()
    scope = f"{at[:8]}/{region}/{service}/aws4_request"
    canonical = hashlib.sha256(f"{method}\n{path}\n\n{lines}\n\n{names}\n{payload}".encode()).hexdigest()
    key = _signing_key(credentials.secret_key, at[:8], region, service)
    signature = _hmac(key, f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{canonical}").hex()
    return f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
