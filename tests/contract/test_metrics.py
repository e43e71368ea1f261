"""Alarms and dashboard: each metric that they read is written, by a function or by AWS, with these dimensions."""

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from shared.aws.queues import Queue
from shared.domain.delivery import Outcome
from tests.contract.plants import Plant, drop, planted, put
from tests.contract.reach import definitions, reached_from, tree_of
from tests.contract.wiring import TEMPLATE, Metric, Wiring, logical, read, translated

NAMESPACE = "UrgentServices"

# The metrics of AWS that we read: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/aws-services-cloudwatch-metrics.html
# By namespace: the dimension, the type and the attribute of the resource that is its value, and metrics with it alone.
OF_AWS = {
    "AWS/SQS": (
        "QueueName",
        ("AWS::SQS::Queue", ".QueueName"),
        {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage", "NumberOfMessagesSent"},
    ),
    "AWS/Lambda": (
        "FunctionName",
        ("AWS::Lambda::Function", ""),
        {
            "Errors",
            "Throttles",
            "Invocations",
            "Duration",
            "ConcurrentExecutions",
            "AsyncEventsDropped",
            "DeadLetterErrors",
        },
    ),
    "AWS/ApiGateway": (
        "ApiId",
        ("AWS::ApiGatewayV2::Api", ""),
        {"4xx", "5xx", "Count", "DataProcessed", "IntegrationLatency", "Latency"},
    ),
    "AWS/DynamoDB": (
        "TableName",
        ("AWS::DynamoDB::Table", ""),
        {"ReadThrottleEvents", "WriteThrottleEvents", "TransactionConflict", "ConditionalCheckFailedRequests"}
        | {"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"},
    ),
}
# Metrics that AWS writes without a dimension as well, over the account.
OF_ACCOUNT = {
    ("AWS/Lambda", name) for name in ("Errors", "Throttles", "Invocations", "Duration", "ConcurrentExecutions")
}


def computed() -> dict[tuple[str, str], set[str]]:
    """The names of metrics that no constant is, by the module and the expression that stands for them."""
    metrics = importlib.import_module("shared.domain.business_metrics")
    named = [each for each in ast.walk(tree_of(metrics.__name__) or ast.Module([], [])) if isinstance(each, ast.Call)]
    of_changes = {
        str(each.args[0].value)
        for each in named
        if ast.unparse(each.func) == "BusinessMetric" and isinstance(each.args[0], ast.Constant)
    }
    return {
        ("shared.bot.sending", "reason"): {str(each) for each in Outcome} - {Outcome.ARRIVED, Outcome.MISSED},
        ("shared.handlers.background", "age"): {f"{queue.title().replace('_', '')}Age" for queue in Queue},
        ("functions.streams.order_changed", "metric.name"): of_changes | set(metrics._ENDS.values()),
    }


@cache
def written(module: str) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """The names of the metrics that a module writes, and the expressions that are no name."""
    names, expressions = set(), set()
    for node in ast.walk(tree_of(module) or ast.Module([], [])):
        if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith("metrics.add_metric"):
            continue
        first = node.args[0]
        for name in [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]:
            match name:
                case ast.Constant(value=str() as text):
                    names.add(text)
                case ast.Attribute(value=ast.Name(id=holder), attr=member) if holder[0].isupper():
                    names.add(str(getattr(getattr(importlib.import_module(module), holder), member)))
                case _:
                    expressions.add((module, ast.unparse(name)))
    return frozenset(names), frozenset(expressions)


def written_by(wiring: Wiring) -> set[str]:
    """The names of the metrics that the functions of the template write."""
    modules = {each.module for function in wiring.functions.values() for each in reached_from(function.module)}
    found: set[str] = set()
    for module in modules:
        names, expressions = written(module)
        found |= names | {name for each in expressions for name in computed()[each]}
    return found


def wrong_metrics(wiring: Wiring) -> Iterator[str]:
    """Describe each metric of an alarm or the dashboard that nothing writes."""
    ours = written_by(wiring)
    # The library of metrics writes its one dimension and the namespace from these variables.
    everywhere = {
        (
            each.variables.get("POWERTOOLS_METRICS_NAMESPACE"),
            (("service", each.variables.get("POWERTOOLS_SERVICE_NAME")),),
        )
        for each in wiring.functions.values()
    }
    for metric in wiring.metrics:
        if metric.namespace in OF_AWS:
            if not _is_of_aws(wiring, metric):
                yield f"{metric.used_by}: AWS does not write {metric}"
        elif metric.name not in ours:
            yield f"{metric.used_by}: no function writes {metric.name}"
        elif everywhere != {(metric.namespace, metric.dimensions)}:
            yield f"{metric.used_by}: functions do not write {metric.name} with {metric.dimensions}"


def _is_of_aws(wiring: Wiring, metric: Metric) -> bool:
    if not metric.dimensions:
        return (metric.namespace, metric.name) in OF_ACCOUNT
    dimension, (kind, attribute), names = OF_AWS[metric.namespace]
    [(name, value), *more] = metric.dimensions
    streams = {source.invokes.function for source in wiring.sources.values() if source.is_stream}
    is_written = metric.name in names or (metric.name == "IteratorAge" and logical(value) in streams)
    return (
        not more
        and (name, wiring.kinds.get(logical(value))) == (dimension, kind)
        and value == f"${{{logical(value)}{attribute}}}"
        and is_written
    )


def test_every_metric_that_is_read_is_written() -> None:
    wiring = read(translated(TEMPLATE))
    assert len(wiring.metrics) > 80
    assert list(wrong_metrics(wiring)) == []


def test_every_expression_for_a_metric_is_listed() -> None:
    """No more and no fewer, so that a new one is looked at."""
    modules = {
        each.module for name in read(translated(TEMPLATE)).functions.values() for each in reached_from(name.module)
    }
    assert {each for module in modules for each in written(module)[1]} == set(computed())


def test_the_age_of_a_queue_has_the_name_that_is_computed() -> None:
    """`computed` repeats the expression of shared/handlers/background.py."""
    [formula] = [
        ast.unparse(node.value)
        for definition in definitions("shared.handlers.background")["queue_handler"]
        for node in ast.walk(definition)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "age"
    ]
    assert formula == "f\"{queue.title().replace('_', '')}Age\""


def test_every_alarm_rings_where_mail_is_sent() -> None:
    [topic] = [name for name, kind in read(translated(TEMPLATE)).kinds.items() if kind == "AWS::SNS::Topic"]
    alarms = [each for each in translated(TEMPLATE).values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert [alarm["Properties"]["AlarmActions"] for alarm in alarms] == [[{"Ref": topic}]] * len(alarms)


def misspelt(resources: dict[str, Any]) -> None:
    """Change a metric of the dashboard."""
    body = resources["Dashboard"]["Properties"]["DashboardBody"]
    body["Fn::Sub"], count = re.subn('"OrdersTaken"', '"OrderTaken"', body["Fn::Sub"])
    assert count == 1


@pytest.mark.parametrize(
    "plant",
    [
        put("BreachesAlarm.MetricName", "Breach"),
        put("BreachesAlarm.MetricName", "Milliseconds"),
        put("NewOrdersAgeAlarm.MetricName", "NEW_ORDERSAge"),
        put("TelegramRefusedAlarm.MetricName", "REFUSED"),
        put("TelegramRefusedAlarm.MetricName", "NotificationsMissed"),
        put("BreachesAlarm.Namespace", "Urgent"),
        put("BreachesAlarm.Dimensions.0.Value", {"Fn::Sub": "urgent-services"}),
        put("BreachesAlarm.Dimensions.0.Name", "Service"),
        put("BreachesAlarm.Dimensions", []),
        put("InDoubtAlarm.Metrics.2.MetricStat.Metric.MetricName", "Sent"),
        put("ApiErrorsAlarm.Metrics.1.MetricStat.Metric.MetricName", "5XXError"),
        put("ApiErrorsAlarm.Metrics.1.MetricStat.Metric.Dimensions.0.Name", "ApiName"),
        put("TimerDeadLettersAlarm.Dimensions.0.Value", {"Ref": "TimerDeadLetters"}),
        put("TimerDeadLettersAlarm.MetricName", "ApproximateNumberOfMessages"),
        put("OffersStuckAlarm.Dimensions.0.Value", {"Fn::GetAtt": ["Table", "QueueName"]}),
        put("StreamAgeAlarm.Dimensions.0.Value", {"Ref": "SendOffer"}),
        put("StreamAgeAlarm.Dimensions.0.Value", {"Ref": "OrderChangedAliaslive"}),
        drop("StreamAgeAlarm.Dimensions"),
        put("GetMe.Environment.Variables.POWERTOOLS_SERVICE_NAME", "another"),
        misspelt,
    ],
)
def test_a_planted_metric_that_nothing_writes_is_found(plant: Plant) -> None:
    assert list(wrong_metrics(read(planted(plant))))
