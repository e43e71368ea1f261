"""Requests are signed as by botocore, in less time."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from shared.aws import signing

AT = datetime(2026, 11, 25, 6, 0, 7, tzinfo=UTC)

KEYS = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=", min_size=1)
SERVICES = st.sampled_from(
    [
        ("dynamodb", "https://dynamodb.eu-central-1.amazonaws.com/", "DynamoDB_20120810.GetItem"),
        ("dynamodb", "http://127.0.0.1:4566/", "DynamoDB_20120810.TransactWriteItems"),
        ("ssm", "https://ssm.eu-central-1.amazonaws.com/", "AmazonSSM.GetParameter"),
    ]
)


class Frozen(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return AT


@given(SERVICES, st.binary(min_size=1), KEYS, KEYS, st.none() | KEYS, st.sampled_from(["eu-central-1", "ru-central1"]))
def test_signature_equals_botocores(
    called: tuple[str, str, str], body: bytes, access_key: str, secret_key: str, token: str | None, region: str
) -> None:
    service, url, target = called
    credentials = Credentials(access_key, secret_key, token)

    def request() -> AWSRequest:
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}
        return AWSRequest("POST", url, headers, body)

    ours, theirs = request(), request()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signing, "datetime", Frozen)
        patch.setattr(botocore.auth, "get_current_datetime", lambda: AT)
        for _ in range(2):  # two attempts with the same request
            signing.sign(ours, credentials.get_frozen_credentials(), region, service)
        SigV4Auth(credentials, service, region).add_auth(theirs)
    assert sorted(ours.headers.items()) == sorted(theirs.headers.items())


@given(
    st.sampled_from(["POST", "DELETE"]),
    st.sampled_from(["https://abc123.execute-api.eu-central-1.amazonaws.com", "http://127.0.0.1:4566/_aws/x"]),
    KEYS,
    st.binary(),
    KEYS,
    KEYS,
    st.none() | KEYS,
    st.sampled_from(["eu-central-1", "ru-central1"]),
)
def test_signature_about_a_socket_equals_botocores(
    method: str,
    api: str,
    connection_id: str,
    body: bytes,
    access_key: str,
    secret_key: str,
    token: str | None,
    region: str,
) -> None:
    url = f"{api}/live/@connections/{quote(connection_id, safe='')}"
    credentials = Credentials(access_key, secret_key, token)
    theirs = AWSRequest(method, url, data=body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signing, "datetime", Frozen)
        patch.setattr(botocore.auth, "get_current_datetime", lambda: AT)
        frozen = credentials.get_frozen_credentials()
        ours = signing.signed_headers(method, url, body, frozen, region, "execute-api")
        SigV4Auth(credentials, "execute-api", region).add_auth(theirs)
    assert ours == {name.lower(): value for name, value in theirs.headers.items()}
