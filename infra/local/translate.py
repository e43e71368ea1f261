"""Translate template.yaml into CloudFormation that the embedded AWS can deploy.

SAM's own translator does the translation. These parts are changed, because ministack differs from AWS:
- routes: ministack ignores the OpenAPI body of an HTTP API, so each route becomes a Route and an Integration;
- CORS: ministack refuses origins with a CorsConfiguration, so the front server handles CORS;
- layer: functions run in this Python environment, whatever the runtime, so the layer is removed;
- aliases: there are no gradual deployments, so a reference to an alias becomes a reference to the function;
- alarms: ministack supports one metric per alarm, so alarms over several metrics are removed;
- sqs:SendMessage: ministack checks an action sqs:SendMessageBatch for batches, which AWS does not have, so it is added;
- dynamodb:LeadingKeys: ministack never sets this condition key, so the guards that require it are removed.
The rest (table, streams, schedules, roles, queues) is deployed as the template defines it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml
from samtranslator.open_api import open_api
from samtranslator.public.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import intrinsics_multi_constructor

# The method ANY in the OpenAPI document of an API.
_ANY = "x-amazon-apigateway-any-method"


class BrokenTemplate(Exception):
    """The template cannot be translated. The message is one sentence."""


_KEY_IS_THERE = ("Null", {"dynamodb:LeadingKeys": "false"})


class _ManagedPolicies:
    """An empty list of AWS managed policies: the translator requires one, the template uses none."""

    def load(self) -> dict[str, str]:
        return {}


def cloudformation(template: str, code: dict[str, str], parameters: dict[str, str]) -> dict[str, Any]:
    """Translate a SAM template into CloudFormation. The functions' code is at `code` (Bucket, Key).

    Raises BrokenTemplate.
    """
    sam = _read(template)
    for name in ("Layers", "AutoPublishAlias"):
        sam["Globals"]["Function"].pop(name, None)
    sam = _rewritten(sam)
    sam["Globals"]["Function"]["CodeUri"] = code
    sam["Resources"].pop("DependenciesLayer", None)
    try:
        with _one_api_document():
            translated: dict[str, Any] = transform(sam, parameters, _ManagedPolicies())
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise BrokenTemplate(f"template.yaml cannot be translated: {causes.rstrip('.')}.") from error
    except Exception as error:
        reason = " ".join(str(error).split())
        raise BrokenTemplate(
            f"template.yaml cannot be translated: {type(error).__name__}: {reason.rstrip('.')}."
        ) from error
    resources = translated["Resources"]
    translated["Resources"] = {
        name: resource
        for name, resource in resources.items()
        if resource["Type"] != "AWS::CloudWatch::Alarm" or "Metrics" not in resource["Properties"]
    }
    _replace_api_bodies(translated["Resources"])
    return translated


@contextmanager
def _one_api_document() -> Iterator[None]:
    """Let SAM's translator add every route to one document of the API.

    It copies the whole document three times for each route, which takes two thirds of a translation.
    """
    copied = open_api._deepcopy
    open_api._deepcopy = lambda document: document
    try:
        yield
    finally:
        open_api._deepcopy = copied


def _read(template: str) -> dict[str, Any]:
    try:
        sam = _parsed(template)
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise BrokenTemplate(f"template.yaml is not YAML{line}: {error.problem}.") from error
    if not isinstance(sam, dict) or not {"Globals", "Parameters", "Resources"} <= sam.keys():
        raise BrokenTemplate("template.yaml is not a SAM template: it needs Globals, Parameters and Resources.")
    # AWS refuses a template with unknown references; ministack would deploy it without them.
    known = {*sam["Resources"], *sam["Parameters"], *_generated(sam["Resources"])}
    unknown = sorted(set(named(sam)) - known)
    if unknown:
        raise BrokenTemplate(f"template.yaml refers to {', '.join(unknown)}, which it does not define.")
    return sam


def _parsed(template: str) -> Any:
    """Parse as SAM's translator does, with libyaml where PyYAML has it: a sixth of the time."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader.add_multi_constructor("!", intrinsics_multi_constructor)
    return yaml.load(template, loader)  # noqa: S506 - both loaders are safe ones


def _generated(resources: dict[str, Any]) -> Iterator[str]:
    """Yield the names that SAM gives to the rules and mappings of the functions' events. A route gets none."""
    for name, resource in resources.items():
        match resource:
            case {"Type": "AWS::Serverless::Function", "Properties": {"Events": dict() as events}}:
                yield from (f"{name}{event}" for event, each in events.items() if each["Type"] != "HttpApi")


def _rewritten(part: Any) -> Any:
    """Return a part of the template: no aliases, no guards of LeadingKeys, sqs:SendMessageBatch allowed."""
    if isinstance(part, list):
        return [_rewritten(element) for element in part]
    if not isinstance(part, dict):
        return part
    match part:
        case {"Ref": str() as name} if name.endswith(".Alias"):
            return {"Fn::GetAtt": [name.removesuffix(".Alias"), "Arn"]}
    part = {
        key: _rewritten(value)
        for key, value in part.items()
        if key != "DeploymentPreference" and (key, value) != _KEY_IS_THERE
    }
    actions = part.get("Action")
    actions = actions if isinstance(actions, list) else [actions]
    if "sqs:SendMessage" in actions:
        part["Action"] = [*actions, "sqs:SendMessageBatch"]
    return part


def named(part: Any) -> Iterator[str]:
    """Yield the name of every resource and parameter that a part of a SAM or CloudFormation template refers to."""
    if isinstance(part, list):
        for element in part:
            yield from named(element)
    elif isinstance(part, dict):
        for key, value in part.items():
            match key, value:
                case "Ref", str():
                    names = [value.removesuffix(".Alias")]
                case "Fn::GetAtt", str() | [str(), *_]:
                    names = [(value if isinstance(value, str) else value[0]).partition(".")[0]]
                case "Fn::Sub", str():
                    names = _named_in(value)
                case "Fn::Sub", [str() as text, dict() as given]:
                    names = [name for name in _named_in(text) if name not in given]
                case "DependsOn", str() | [*_]:
                    names = [value] if isinstance(value, str) else value
                case _:
                    names = []
            yield from (name for name in names if not name.startswith("AWS::"))
            yield from named(value)


def _named_in(text: str) -> list[str]:
    return [name.partition(".")[0] for name in re.findall(r"\${([\w.:]+)}", text)]


def _replace_api_bodies(resources: dict[str, Any]) -> None:
    for name, resource in list(resources.items()):
        # A WebSocket API has routes of its own and no OpenAPI body.
        if resource["Type"] != "AWS::ApiGatewayV2::Api" or "Body" not in resource["Properties"]:
            continue
        body = resource["Properties"].pop("Body")
        resource["Properties"] = {"Name": {"Ref": "AWS::StackName"}, "ProtocolType": "HTTP"}
        for path, methods in body["paths"].items():
            for method, operation in methods.items():
                verb = "ANY" if method == _ANY else method.upper()
                key = "$default" if path == "/$default" else f"{verb} {path}"
                [function] = re.findall(
                    r"functions/\${(\w+)\.Arn}/invocations",
                    operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"],
                )
                integration = f"{name}{function}Integration"
                resources[integration] = {
                    "Type": "AWS::ApiGatewayV2::Integration",
                    "Properties": {
                        "ApiId": {"Ref": name},
                        "IntegrationType": "AWS_PROXY",
                        "IntegrationUri": {"Fn::GetAtt": [function, "Arn"]},
                        "PayloadFormatVersion": "2.0",
                    },
                }
                # Named by its key, because a function may have several routes.
                resources[f"{name}{_logical_id(key)}Route"] = {
                    "Type": "AWS::ApiGatewayV2::Route",
                    "Properties": {
                        "ApiId": {"Ref": name},
                        "RouteKey": key,
                        "Target": {"Fn::Join": ["/", ["integrations", {"Ref": integration}]]},
                    },
                }


def _logical_id(key: str) -> str:
    """Return a route key as letters and digits, another for each key: `GET /a-b` is GETx20x2fax2db."""
    return re.sub(r"[^A-Za-wyz0-9]", lambda found: f"x{ord(found[0]):02x}", key)
