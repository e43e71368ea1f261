"""What stands before the functions in AWS and cannot be tried here: throttling, concurrency, the CDN."""

from typing import Any

from infra.local.translate import cloudformation
from tests import api
from tests.api import ROOT

TEMPLATE = api.template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
LIMITS: dict[str, Any] = RESOURCES["Api"]["Properties"]["RouteSettings"]


def test_a_limit_is_of_a_route() -> None:
    assert set(LIMITS) <= set(api.routes())


def test_what_writes_much_or_is_for_few_has_a_limit_of_its_own() -> None:
    assert {route for route in api.routes() if "/api/admin/" in route} <= set(LIMITS)
    assert {"POST /api/orders", "POST /api/orders/{id}/take", "PUT /api/users/me/preferences"} <= set(LIMITS)
    for limit in LIMITS.values():
        assert 0 < limit["ThrottlingRateLimit"] <= limit["ThrottlingBurstLimit"]


def test_the_gateway_is_told() -> None:
    """What SAM makes of it is what CloudFormation sees."""
    template = (ROOT / "template.yaml").read_text()
    parameters = {"Stage": "prod", "CorsOrigins": "https://app.example.org"}
    deployed = cloudformation(template, {"Bucket": "code", "Key": "code.zip"}, parameters)["Resources"]
    [stage] = [it["Properties"] for it in deployed.values() if it["Type"] == "AWS::ApiGatewayV2::Stage"]
    assert set(stage["RouteSettings"]) == set(LIMITS)
    assert set(stage["DefaultRouteSettings"]) == {"ThrottlingRateLimit", "ThrottlingBurstLimit"}
    alone = {name for name, it in deployed.items() if "ReservedConcurrentExecutions" in it.get("Properties", {})}
    assert alone == {"Sweep", "CheckPayments", "Audit"}


def test_the_cdn_never_mixes_people() -> None:
    """Whatever may tell who is calling is part of the key, and nothing is kept that the function did not allow."""
    policy = RESOURCES["FeedCache"]["Properties"]["CachePolicyConfig"]
    assert (policy["MinTTL"], policy["DefaultTTL"], policy["MaxTTL"]) == (0, 0, 2)
    key = policy["ParametersInCacheKeyAndForwardedToOrigin"]
    assert {"Authorization", "X-Telegram-Init-Data"} <= set(key["HeadersConfig"]["Headers"])
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "all"}
    distribution = RESOURCES["Distribution"]["Properties"]["DistributionConfig"]
    [feed] = distribution["CacheBehaviors"]
    assert (feed["PathPattern"], feed["CachePolicyId"]) == ("/api/orders", "FeedCache")
    assert distribution["DefaultCacheBehavior"]["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    # What is not said of an error here is kept for ten seconds, and served to whoever asks for the same address.
    errors = {error["ErrorCode"]: error for error in distribution["CustomErrorResponses"]}
    assert errors == {
        code: {"ErrorCode": code, "ErrorCachingMinTTL": 0}
        for code in (400, 403, 404, 405, 414, 500, 501, 502, 503, 504)
    }


def test_the_cdn_is_there_when_asked_for() -> None:
    assert {RESOURCES[name]["Condition"] for name in ("FeedCache", "Distribution")} == {"HasCdn"}
    assert TEMPLATE["Parameters"]["Cdn"]["Default"] == "off"
