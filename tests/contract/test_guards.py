"""The layers before the functions that exist in AWS only: throttling, reserved concurrency, the CDN."""

from typing import Any

from infra.local.translate import cloudformation
from tests import api
from tests.api import ROOT

TEMPLATE = api.template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
DISTRIBUTION: dict[str, Any] = RESOURCES["Distribution"]["Properties"]["DistributionConfig"]
LIMITS: dict[str, Any] = RESOURCES["Api"]["Properties"]["RouteSettings"]


def test_every_throttling_limit_names_a_route() -> None:
    assert set(LIMITS) <= set(api.route_keys())


DEFAULT = {"ThrottlingRateLimit": "RequestsPerSecond", "ThrottlingBurstLimit": "RequestsInABurst"}


def test_no_route_is_cheaper_to_block_than_by_default() -> None:
    """A throttle counts strangers, too. One route has a lower one; an operator does the same past the gateway."""
    assert RESOURCES["Api"]["Properties"]["DefaultRouteSettings"] == DEFAULT
    [(route, limit)] = [(route, limit) for route, limit in LIMITS.items() if limit != DEFAULT]
    assert route == "DELETE /api/users/me"
    assert 0 < limit["ThrottlingRateLimit"] <= limit["ThrottlingBurstLimit"]


def test_a_route_that_once_had_a_throttle_names_the_default() -> None:
    """A throttle that is taken out of the template stays in a deployed stage: UpdateStage keeps what it does not name.

    https://github.com/serverless/serverless/pull/8590
    """
    admin = {route for route in api.route_keys() if "/api/admin/" in route}
    assert len(admin) == 28
    assert admin <= set(LIMITS)
    assert {"POST /api/orders", "POST /api/orders/{id}/take", "PUT /api/users/me/preferences"} <= set(LIMITS)
    assert "ANY /api/users/me/export" in LIMITS


def test_the_translated_stage_has_the_limits() -> None:
    """Checked in the translated template, which is what CloudFormation deploys."""
    template = (ROOT / "template.yaml").read_text()
    parameters = {"Stage": "prod", "CorsOrigins": "https://app.example.org"}
    deployed = cloudformation(template, {"Bucket": "code", "Key": "code.zip"}, parameters)["Resources"]
    stages = {
        resource["Properties"]["ApiId"]["Ref"]: resource["Properties"]
        for resource in deployed.values()
        if resource["Type"] == "AWS::ApiGatewayV2::Stage"
    }
    assert set(stages["Api"]["RouteSettings"]) == set(LIMITS)
    for api_id in ("Api", "LiveApi"):
        assert set(stages[api_id]["DefaultRouteSettings"]) == {"ThrottlingRateLimit", "ThrottlingBurstLimit"}
    alone = {
        name for name, resource in deployed.items() if "ReservedConcurrentExecutions" in resource.get("Properties", {})
    }
    assert alone == {"Sweep", "CheckPayments", "Audit"}


def test_the_cdn_cache_key_includes_the_credentials() -> None:
    """Every header with credentials is part of the cache key; only responses that allow caching are cached."""
    policy = RESOURCES["FeedCache"]["Properties"]["CachePolicyConfig"]
    assert (policy["MinTTL"], policy["DefaultTTL"], policy["MaxTTL"]) == (0, 0, 2)
    key = policy["ParametersInCacheKeyAndForwardedToOrigin"]
    assert {"Authorization", "X-Telegram-Init-Data"} <= set(key["HeadersConfig"]["Headers"])
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "all"}
    distribution = DISTRIBUTION
    [feed] = distribution["CacheBehaviors"]
    assert (feed["PathPattern"], feed["CachePolicyId"]) == ("/api/orders", "FeedCache")
    assert distribution["DefaultCacheBehavior"]["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    # CloudFront caches an error for ten seconds by default and serves it to every caller of the same URL.
    errors = {error["ErrorCode"]: error for error in distribution["CustomErrorResponses"]}
    assert errors == {
        code: {"ErrorCode": code, "ErrorCachingMinTTL": 0}
        for code in (400, 403, 404, 405, 414, 500, 501, 502, 503, 504)
    }


def test_the_cdn_passes_every_method_on() -> None:
    """Also HEAD and OPTIONS; only a response to GET or HEAD may be cached."""
    for behavior in (DISTRIBUTION["DefaultCacheBehavior"], *DISTRIBUTION["CacheBehaviors"]):
        allowed = set(behavior["AllowedMethods"])
        assert allowed >= {"HEAD", "OPTIONS", *(key.split(" ")[0] for key in api.routes() if key != "$default")}
        assert set(behavior.get("CachedMethods", ["GET", "HEAD"])) == {"GET", "HEAD"}


def test_the_cdn_is_deployed_if_its_parameter_is_set() -> None:
    assert {RESOURCES[name]["Condition"] for name in ("FeedCache", "Distribution")} == {"HasCdn"}
    assert TEMPLATE["Parameters"]["Cdn"]["Default"] == "off"
