"""The translated template of production, read into types: who invokes which function, and what failures lead to."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from infra.checks import translation
from infra.checks.translation import Resources
from tests.api import ROOT

TEMPLATE = (ROOT / "template.yaml").read_text()


@cache
def translated(template: str, *, as_uploaded: bool = True) -> Resources:
    """The template as CloudFormation gets it. Translated once for all tests of a process: nothing may change it."""
    return translation.translated(template, as_uploaded=as_uploaded)


def listed(one_or_more: Any) -> list[Any]:
    """The values of a property that may be one value or a list."""
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def reference(value: Any) -> str:
    """A value as the text of a Sub: `${X}` for a Ref, `${X.Arn}` for a GetAtt; what is none of these, as JSON."""
    match value:
        case {"Ref": str() as name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Sub": str() as text} | {"Fn::Sub": [str() as text, _]} | (str() as text):
            return text
    return json.dumps(value)


def arn(name: str) -> str:
    """The reference to the ARN of a resource."""
    return f"${{{name}.Arn}}"


def logical(text: str) -> str:
    """The name of the resource that a reference is to; empty for a text that is no reference."""
    found = re.fullmatch(r"\$\{(\w+)(\.\w+)?\}", text)
    return found[1] if found else ""


@dataclass(frozen=True)
class Statement:
    """A statement of a policy, with references as text."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[str, ...]
    condition: Any


@dataclass(frozen=True)
class Role:
    """A role: the services that may assume it, its statements, and the managed policies of AWS."""

    services: tuple[str, ...]
    statements: tuple[Statement, ...]
    attached: tuple[str, ...]

    def may(self, action: str, on: str) -> bool:
        """Whether the role is granted this action on this very resource, without a condition."""
        return any(action in each.actions and on in each.resources and not each.condition for each in self.statements)


@dataclass(frozen=True)
class Invoked:
    """What is invoked: a function, and its alias; without an alias, the code that was uploaded last."""

    function: str
    alias: str | None


@dataclass(frozen=True)
class Function:
    """A function. `variables` are those of its environment, with references as text; the timeout is in seconds."""

    module: str
    timeout: int
    role: str
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Queue:
    """A queue; times in seconds, SQS's defaults where the template says nothing."""

    visibility: int
    retention: int
    dead_letters: str | None
    receives: int | None


@dataclass(frozen=True)
class Source:
    """An event source mapping. `of` is the ARN of the queue or stream; None is a setting that the template omits."""

    invokes: Invoked
    of: str
    window: int
    attempts: int | None
    age: int | None
    bisects: bool
    reports_failures: bool
    concurrency: int | None
    failures_to: str | None
    patterns: tuple[str, ...]
    parallel: int

    @property
    def is_stream(self) -> bool:
        """Whether the source is a stream, not a queue."""
        return self.of.endswith(".StreamArn}")


@dataclass(frozen=True)
class Retries:
    """What becomes of an event for a function that cannot be delivered, or that fails; None: not in the template."""

    invokes: Invoked
    attempts: int | None
    age: int | None
    failures_to: str | None


@dataclass(frozen=True)
class Permission:
    """Who may invoke: a service, and the ARN of its resource."""

    invokes: Invoked
    principal: str
    source: str


@dataclass(frozen=True)
class Metric:
    """A metric that an alarm or the dashboard reads."""

    used_by: str
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Wiring:
    """The template. `rules` and `asynchronous` are by the name of their resource, the routes by route key."""

    kinds: Mapping[str, str]
    functions: Mapping[str, Function]
    roles: Mapping[str, Role]
    queues: Mapping[str, Queue]
    queue_policies: tuple[tuple[tuple[str, ...], tuple[Statement, ...]], ...]
    sources: Mapping[str, Source]
    rules: Mapping[str, Retries]
    asynchronous: Mapping[str, Retries]
    routed: Mapping[str, Invoked]
    socket_routes: Mapping[str, Invoked]
    permissions: tuple[Permission, ...]
    metrics: tuple[Metric, ...]

    def role_of(self, function: str) -> Role:
        """The role of a function."""
        return self.roles[self.functions[function].role]


def read(resources: Resources) -> Wiring:
    """Read the translated template."""
    by_kind: dict[str, Resources] = {}
    for name, resource in resources.items():
        by_kind.setdefault(resource["Type"].removeprefix("AWS::"), {})[name] = resource.get("Properties", {})

    aliases = {
        name: Invoked(alias["FunctionName"]["Ref"], alias["Name"]) for name, alias in by_kind["Lambda::Alias"].items()
    }

    def invoked(value: Any) -> Invoked:
        name = logical(reference(value))
        return aliases.get(name, Invoked(name, None))

    managed = {
        name: tuple(_statements(policy["PolicyDocument"])) for name, policy in by_kind["IAM::ManagedPolicy"].items()
    }
    return Wiring(
        kinds={name: resource["Type"] for name, resource in resources.items()},
        functions={
            name: Function(
                each["Handler"].removesuffix(".handler"),
                each["Timeout"],
                logical(reference(each["Role"])),
                {key: reference(value) for key, value in each["Environment"]["Variables"].items()},
            )
            for name, each in by_kind["Lambda::Function"].items()
        },
        roles={name: _role(role, managed) for name, role in by_kind["IAM::Role"].items()},
        queues={name: _queue(queue) for name, queue in by_kind["SQS::Queue"].items()},
        queue_policies=tuple(
            (tuple(map(reference, policy["Queues"])), tuple(_statements(policy["PolicyDocument"])))
            for policy in by_kind.get("SQS::QueuePolicy", {}).values()
        ),
        sources={
            name: Source(
                invoked(each["FunctionName"]),
                reference(each["EventSourceArn"]),
                each.get("MaximumBatchingWindowInSeconds", 0),
                each.get("MaximumRetryAttempts"),
                each.get("MaximumRecordAgeInSeconds"),
                each.get("BisectBatchOnFunctionError", False),
                "ReportBatchItemFailures" in each.get("FunctionResponseTypes", []),
                each.get("ScalingConfig", {}).get("MaximumConcurrency"),
                _failures_to(each),
                tuple(one["Pattern"] for one in each.get("FilterCriteria", {}).get("Filters", [])),
                each.get("ParallelizationFactor", 1),
            )
            for name, each in by_kind["Lambda::EventSourceMapping"].items()
        },
        rules={
            name: Retries(
                invoked(target["Arn"]),
                target.get("RetryPolicy", {}).get("MaximumRetryAttempts"),
                target.get("RetryPolicy", {}).get("MaximumEventAgeInSeconds"),
                reference(target["DeadLetterConfig"]["Arn"]) if "DeadLetterConfig" in target else None,
            )
            for name, rule in by_kind["Events::Rule"].items()
            for target in rule["Targets"]
        },
        asynchronous={
            name: Retries(
                Invoked(logical(reference(each["FunctionName"])), each["Qualifier"]),
                each.get("MaximumRetryAttempts"),
                each.get("MaximumEventAgeInSeconds"),
                _failures_to(each),
            )
            for name, each in by_kind["Lambda::EventInvokeConfig"].items()
        },
        routed={
            f"{verb} {path}": invoked(re.findall(r"functions/(\$\{[\w.]+\})/invocations", json.dumps(operation))[0])
            for api in by_kind["ApiGatewayV2::Api"].values()
            for path, methods in api.get("Body", {"paths": {}})["paths"].items()
            for verb, operation in methods.items()
        },
        socket_routes={
            route["RouteKey"]: invoked(
                by_kind["ApiGatewayV2::Integration"][logical(reference(route["Target"]["Fn::Join"][1][1]))][
                    "IntegrationUri"
                ]["Fn::Sub"][1]["FunctionArn"]
            )
            for route in by_kind["ApiGatewayV2::Route"].values()
        },
        permissions=tuple(
            Permission(invoked(each["FunctionName"]), each["Principal"], reference(each.get("SourceArn")))
            for each in by_kind["Lambda::Permission"].values()
        ),
        metrics=tuple(_metrics(by_kind)),
    )


def _statements(document: Any) -> Iterator[Statement]:
    for each in listed(document["Statement"]):
        principals = each.get("Principal", {})
        yield Statement(
            tuple(listed(each["Action"])),
            tuple(map(reference, listed(each.get("Resource", [])))),
            tuple(listed(principals.get("Service", [])) if isinstance(principals, dict) else [str(principals)]),
            each.get("Condition"),
        )


def _role(role: Any, managed: Mapping[str, tuple[Statement, ...]]) -> Role:
    attached = [reference(each) for each in role.get("ManagedPolicyArns", [])]
    statements = [each for policy in role.get("Policies", []) for each in _statements(policy["PolicyDocument"])]
    statements += [each for name in attached for each in managed.get(logical(name), ())]
    trusted = [service for each in _statements(role["AssumeRolePolicyDocument"]) for service in each.principals]
    return Role(tuple(trusted), tuple(statements), tuple(attached))


def _queue(queue: Any) -> Queue:
    redrive = queue.get("RedrivePolicy", {})
    return Queue(
        queue.get("VisibilityTimeout", 30),
        queue.get("MessageRetentionPeriod", 345_600),
        reference(redrive["deadLetterTargetArn"]) if redrive else None,
        redrive.get("maxReceiveCount"),
    )


def _failures_to(properties: Any) -> str | None:
    match properties:
        case {"DestinationConfig": {"OnFailure": {"Destination": destination}}}:
            return reference(destination)
    return None


def _metrics(by_kind: Mapping[str, Resources]) -> Iterator[Metric]:
    for name, alarm in by_kind["CloudWatch::Alarm"].items():
        read = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
        for metric in read if "Metrics" in alarm else [alarm]:
            dimensions = {each["Name"]: reference(each["Value"]) for each in metric.get("Dimensions", [])}
            yield Metric(name, metric["Namespace"], metric["MetricName"], tuple(dimensions.items()))
    for name, dashboard in by_kind["CloudWatch::Dashboard"].items():
        for widget in json.loads(reference(dashboard["DashboardBody"]))["widgets"]:
            for namespace, metric_name, *rest in widget["properties"]["metrics"]:
                pairs = [each for each in rest if isinstance(each, str)]
                yield Metric(name, namespace, metric_name, tuple(zip(pairs[::2], pairs[1::2], strict=True)))
