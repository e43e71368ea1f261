"""Who invokes which function, and what becomes of an event that fails: AWS's documented rules over the template.

Each rule has a planted defect: one change of the translated template, which the rule finds.
"""

import re
from collections.abc import Callable, Iterator

import pytest

from infra.operate.actions import COMMANDS
from tests.contract.plants import Plant, drop, planted, put, remove, revoke
from tests.contract.wiring import TEMPLATE, Invoked, Retries, Wiring, arn, logical, read, translated

HOUR, DAY = 3600, 86_400

# AWS recommends six times the function's timeout, so that Lambda can try again while the function is throttled:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html. A queue with less, and the reason.
SHORTER = dict.fromkeys(
    ("NewOrders", "Offers", "Notices", "Answers"),
    "a failed message returns after the visibility timeout, and news is of use for an hour only; MaximumConcurrency"
    " keeps Lambda from taking messages that it cannot start, which the factor is for",
)
FACTOR, RECEIVES = 6, 5
"""AWS's advice for a queue that a function reads: the factor above, and the receives before a message is given up."""

# A function that nothing in the template invokes: an operator's command does.
BY_COMMAND = {command.function for command in COMMANDS.values()} | {"RefundPayment"}
API_TIMEOUT = 30
"""Seconds after which an HTTP API gives up: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html."""

READS_STREAM = "arn:aws:iam::aws:policy/service-role/AWSLambdaDynamoDBExecutionRole"
READS_QUEUE = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"

Rule = Callable[[Wiring], Iterator[str]]


# ---------------------------------------------------------------- queues


def visibility(wiring: Wiring) -> Iterator[str]:
    """A message stays hidden while its function may run, six times as long unless the queue is listed."""
    for source in wiring.sources.values():
        if source.is_stream:
            continue
        name = logical(source.of)
        if name not in wiring.queues:
            yield f"{source.of} is no queue"
            continue
        queue, timeout = wiring.queues[name], wiring.functions[source.invokes.function].timeout
        if queue.visibility < timeout + source.window:
            yield f"{name} shows a message again while {source.invokes.function} handles it"
        elif queue.visibility < FACTOR * timeout + source.window and not (
            name in SHORTER and source.concurrency and not source.window
        ):
            yield f"{name} has less than {FACTOR} times the timeout of {source.invokes.function}"


def redrives(wiring: Wiring) -> Iterator[str]:
    """A queue that a function reads gives a message up after some receives, into a queue that keeps it for longer."""
    for name in {logical(source.of) for source in wiring.sources.values() if not source.is_stream} & set(wiring.queues):
        queue = wiring.queues[name]
        dead_letters = wiring.queues.get(logical(queue.dead_letters or ""))
        if dead_letters is None or queue.dead_letters != arn(logical(queue.dead_letters or "")):
            yield f"{name} has no queue of dead letters"
            continue
        if (queue.receives or 0) < RECEIVES:
            yield f"{name} gives a message up after {queue.receives} receives"
        # The age of a message counts from its first queue.
        if dead_letters.retention <= queue.retention:
            yield f"{name} keeps messages for longer than its dead letters are kept"
        if dead_letters.dead_letters is not None:
            yield f"the dead letters of {name} go elsewhere"


def concurrency(wiring: Wiring) -> Iterator[str]:
    """Without a maximum, Lambda takes more messages than it can start, and a throttled start uses up a receive."""
    for name, source in wiring.sources.items():
        if not source.is_stream and not 2 <= (source.concurrency or 0) <= 1000:
            yield f"{name} has no maximum of concurrent readers"


# ---------------------------------------------------------------- failures


def destinations(wiring: Wiring) -> Iterator[str]:
    """A stream, an asynchronous invocation and a schedule set aside what fails, where they may write."""
    for name, stream in wiring.sources.items():
        if stream.is_stream:
            yield from _may_set_aside(wiring, name, stream.failures_to, stream.invokes.function)
    for name, config in wiring.asynchronous.items():
        yield from _may_set_aside(wiring, name, config.failures_to, config.invokes.function)
    for name, rule in wiring.rules.items():
        if logical(rule.failures_to or "") not in wiring.queues:
            yield f"{name} loses an event that cannot be delivered"
        elif not _rule_may_send(wiring, name, rule):
            yield f"{name} may not send to its dead letters"


def _may_set_aside(wiring: Wiring, name: str, failures_to: str | None, function: str) -> Iterator[str]:
    if failures_to is None or failures_to != arn(logical(failures_to)) or logical(failures_to) not in wiring.queues:
        yield f"{name} has no queue for what fails"
    elif not wiring.role_of(function).may("sqs:SendMessage", failures_to):
        yield f"{function} may not send to {failures_to}"


def _rule_may_send(wiring: Wiring, name: str, rule: Retries) -> bool:
    """EventBridge sends to a queue by the queue's policy, which names the rule."""
    return any(
        f"${{{logical(rule.failures_to or '')}}}" in queues
        and statement.actions == ("sqs:SendMessage",)
        and rule.failures_to in statement.resources
        and statement.principals == ("events.amazonaws.com",)
        and {"Fn::GetAtt": [name, "Arn"]} in (statement.condition or {}).get("ArnEquals", {}).get("aws:SourceArn", [])
        for queues, statements in wiring.queue_policies
        for statement in statements
    )


def retries(wiring: Wiring) -> Iterator[str]:
    """How often and how long an event is retried is set, not left to defaults, and ends before the stream forgets."""
    for name, source in wiring.sources.items():
        if not source.reports_failures:
            yield f"{name}: one failed record or message repeats its whole batch"
        if not source.is_stream:
            continue
        if source.attempts is None or source.age is None:
            yield f"{name} leaves its retries to the defaults"
        elif not 60 <= source.age < DAY:
            yield f"{name}: the stream forgets a record before it is set aside"
        if not source.bisects:
            yield f"{name}: one failed record holds its batch back"
    for name, each in [*wiring.asynchronous.items(), *wiring.rules.items()]:
        if each.attempts is None or each.age is None:
            yield f"{name} leaves its retries to the defaults"


# ---------------------------------------------------------------- invocations


def asynchronous(wiring: Wiring) -> Iterator[str]:
    """What a schedule invokes has retries and a failure destination, for the very alias that is invoked."""
    configured = {config.invokes for config in wiring.asynchronous.values()}
    invoked = {rule.invokes for rule in wiring.rules.values()} | set(_timed(wiring))
    yield from (f"{each.function}: no failure destination for {each.alias}" for each in invoked - configured)
    yield from (f"{each.function}: nothing invokes it asynchronously" for each in configured - invoked)


def _timed(wiring: Wiring) -> Iterator[Invoked]:
    """What the schedules that functions create invoke."""
    for function in wiring.functions.values():
        target = logical(function.variables.get("SCHEDULE_TARGET_ARN", ""))
        if target:
            yield Invoked(target.removesuffix("Aliaslive"), "live" if target.endswith("Aliaslive") else None)


def schedules(wiring: Wiring) -> Iterator[str]:
    """A function that creates schedules may, and their role may invoke the target and set aside what fails."""
    for name, function in wiring.functions.items():
        if "SCHEDULE_TARGET_ARN" not in function.variables:
            continue
        target, role_arn, dead_letters, group = (
            function.variables.get(f"SCHEDULE_{each}", "")
            for each in ("TARGET_ARN", "ROLE_ARN", "DEAD_LETTERS_ARN", "GROUP")
        )
        role = wiring.roles.get(logical(role_arn))
        if role is None or role.services != ("scheduler.amazonaws.com",):
            yield f"{name}: {role_arn} is no role of the scheduler"
        elif wiring.kinds.get(logical(target)) != "AWS::Lambda::Alias" or not role.may("lambda:InvokeFunction", target):
            yield f"{name}: {role_arn} may not invoke {target}"
        elif logical(dead_letters) not in wiring.queues or not role.may("sqs:SendMessage", dead_letters):
            yield f"{name}: {role_arn} may not send to {dead_letters}"
        all_of_group = f"arn:${{AWS::Partition}}:scheduler:${{AWS::Region}}:${{AWS::AccountId}}:schedule/{group}/*"
        own = wiring.role_of(name)
        if wiring.kinds.get(logical(group)) != "AWS::Scheduler::ScheduleGroup" or not (
            own.may("scheduler:CreateSchedule", all_of_group) and own.may("iam:PassRole", role_arn)
        ):
            yield f"{name} may not create its schedules"


def invocations(wiring: Wiring) -> Iterator[str]:
    """Each source invokes the alias, and may; no function waits for a source that there is not."""
    invoked = {
        **{f"route {key}": each for key, each in {**wiring.routed, **wiring.socket_routes}.items()},
        **{name: source.invokes for name, source in wiring.sources.items()},
        **{name: rule.invokes for name, rule in wiring.rules.items()},
        "schedules": next(_timed(wiring), Invoked("", None)),
    }
    for name, each in invoked.items():
        if each.function not in wiring.functions or each.alias != "live":
            yield f"{name} invokes {each.function}, alias {each.alias}"
    unused = set(wiring.functions) - {each.function for each in invoked.values()} - BY_COMMAND
    yield from (f"nothing invokes {name}" for name in unused)
    for key, each in wiring.routed.items():
        if not _is_permitted(wiring, each, "apigateway.amazonaws.com", f"/${{__Stage__}}/{_permitted(key)}"):
            yield f"the API may not invoke {each.function} for {key}"
    for key, each in wiring.socket_routes.items():
        if not _is_permitted(wiring, each, "apigateway.amazonaws.com", f"/live/{key}"):
            yield f"the WebSocket API may not invoke {each.function} for {key}"
    for name, rule in wiring.rules.items():
        if not _is_permitted(wiring, rule.invokes, "events.amazonaws.com", arn(name)):
            yield f"{name} may not invoke {rule.invokes.function}"
    for name, source in wiring.sources.items():
        if source.invokes.function not in wiring.functions:
            continue
        needed = READS_STREAM if source.is_stream else READS_QUEUE
        if needed not in wiring.role_of(source.invokes.function).attached:
            yield f"{source.invokes.function} may not read {name}"


def _permitted(key: str) -> str:
    """The end of the ARN that permits a route: any method and any parameter are `*` in it."""
    verb, _, path = key.partition(" ")
    if path == "/$default":
        return "*"
    return ("*" if verb == "x-amazon-apigateway-any-method" else verb.upper()) + re.sub(r"\{[^}]+\}", "*", path)


def _is_permitted(wiring: Wiring, invoked: Invoked, principal: str, source: str) -> bool:
    return any(
        (each.invokes, each.principal) == (invoked, principal) and each.source.endswith(source)
        for each in wiring.permissions
    )


def timeouts(wiring: Wiring) -> Iterator[str]:
    """A function of a route answers before the gateway gives up: that of sockets after 29 s."""
    for key, each in {**wiring.routed, **wiring.socket_routes}.items():
        if each.function in wiring.functions and wiring.functions[each.function].timeout >= API_TIMEOUT:
            yield f"{each.function} runs on after the caller of {key} was given up"


RULES: list[Rule] = [
    visibility,
    redrives,
    concurrency,
    destinations,
    retries,
    asynchronous,
    schedules,
    invocations,
    timeouts,
]


# ---------------------------------------------------------------- planted defects


QUEUE_POLICY = "TimerDeadLettersPolicy"
SENDING = f"{QUEUE_POLICY}.PolicyDocument.Statement.0"
TO_SWEEP = {"Fn::GetAtt": ["Sweep", "Arn"]}
PLANTED: list[tuple[Rule, Plant]] = [
    (visibility, put("Offers.VisibilityTimeout", 59)),
    (visibility, drop("Notices.VisibilityTimeout")),
    (visibility, put("SendOffer.Timeout", 120)),
    (visibility, put("SendOfferQueue.MaximumBatchingWindowInSeconds", 20)),
    (visibility, drop("SendOfferQueue.ScalingConfig")),
    (visibility, put("SendOfferQueue.EventSourceArn", {"Fn::GetAtt": ["Alarms", "Arn"]})),
    (redrives, drop("Offers.RedrivePolicy")),
    (redrives, put("Offers.RedrivePolicy.deadLetterTargetArn", {"Ref": "NotificationDeadLetters"})),
    (redrives, put("Offers.RedrivePolicy.deadLetterTargetArn", {"Fn::GetAtt": ["Alarms", "Arn"]})),
    (redrives, put("Offers.RedrivePolicy.deadLetterTargetArn", {"Fn::GetAtt": ["Notices", "Arn"]})),
    (redrives, put("Offers.RedrivePolicy.maxReceiveCount", 4)),
    (redrives, put("NotificationDeadLetters.MessageRetentionPeriod", 86_400)),
    (concurrency, drop("SendNoticeQueue.ScalingConfig")),
    (destinations, drop("LockExpiredLocks.DestinationConfig")),
    (destinations, put("LockExpiredLocks.DestinationConfig.OnFailure.Destination", {"Ref": "StreamDeadLetters"})),
    (destinations, put("SweepEventInvokeConfig.DestinationConfig.OnFailure.Destination", TO_SWEEP)),
    (destinations, revoke("OrderChangedRole", "sqs:SendMessage")),
    (destinations, revoke("AuditRole", "sqs:SendMessage")),
    (destinations, drop("EndDueOrderEventInvokeConfig.DestinationConfig")),
    (destinations, drop("SweepEveryMinute.Targets.0.DeadLetterConfig")),
    (destinations, put("SweepEveryMinute.Targets.0.DeadLetterConfig.Arn", TO_SWEEP)),
    (destinations, remove(QUEUE_POLICY)),
    (destinations, put(f"{SENDING}.Principal", {"Service": "lambda.amazonaws.com"})),
    (destinations, put(f"{SENDING}.Action", "sqs:ReceiveMessage")),
    (destinations, put(f"{SENDING}.Condition.ArnEquals.aws:SourceArn.0", TO_SWEEP)),
    (destinations, put(f"{QUEUE_POLICY}.Queues", [{"Ref": "Offers"}])),
    (retries, drop("OrderChangedOrders.MaximumRetryAttempts")),
    (retries, drop("LockExpiredLocks.MaximumRecordAgeInSeconds")),
    (retries, put("OrderChangedOrders.MaximumRecordAgeInSeconds", -1)),
    (retries, put("OrderChangedOrders.MaximumRecordAgeInSeconds", DAY)),
    (retries, drop("OrderChangedOrders.BisectBatchOnFunctionError")),
    (retries, drop("SendOfferQueue.FunctionResponseTypes")),
    (retries, drop("AuditEventInvokeConfig.MaximumEventAgeInSeconds")),
    (retries, drop("SweepEveryMinute.Targets.0.RetryPolicy")),
    (retries, drop("AuditEveryNight.Targets.0.RetryPolicy.MaximumRetryAttempts")),
    (asynchronous, remove("AuditEventInvokeConfig")),
    (asynchronous, remove("EndDueOrderEventInvokeConfig")),
    (asynchronous, put("SweepEventInvokeConfig.Qualifier", "$LATEST")),
    (asynchronous, remove("CheckPaymentsEveryMinute")),
    (schedules, revoke("TimerRole", "lambda:InvokeFunction")),
    (schedules, revoke("TimerRole", "sqs:SendMessage")),
    (schedules, revoke("OrderChangedRole", "iam:PassRole")),
    (schedules, revoke("OrderChangedRole", "scheduler:CreateSchedule")),
    (schedules, put("TimerRole.AssumeRolePolicyDocument.Statement.0.Principal.Service", "events.amazonaws.com")),
    (schedules, put("OrderChanged.Environment.Variables.SCHEDULE_TARGET_ARN", {"Ref": "SweepAliaslive"})),
    (schedules, put("OrderChanged.Environment.Variables.SCHEDULE_TARGET_ARN", {"Fn::GetAtt": ["EndDueOrder", "Arn"]})),
    (schedules, put("OrderChanged.Environment.Variables.SCHEDULE_GROUP", "default")),
    (schedules, put("OrderChanged.Environment.Variables.SCHEDULE_ROLE_ARN", {"Fn::GetAtt": ["SweepRole", "Arn"]})),
    (schedules, put("OrderChanged.Environment.Variables.SCHEDULE_DEAD_LETTERS_ARN", {"Ref": "TimerDeadLetters"})),
    (invocations, put("SendOfferQueue.FunctionName", {"Ref": "SendOffer"})),
    (invocations, put("SweepEveryMinute.Targets.0.Arn", TO_SWEEP)),
    (invocations, remove("SendNoticeQueue")),
    (invocations, remove("SweepEveryMinutePermission")),
    (invocations, put("SweepEveryMinutePermission.SourceArn", {"Fn::GetAtt": ["AuditEveryNight", "Arn"]})),
    (invocations, remove("GetMeRoutePermission")),
    (invocations, remove("LiveApiConnectPermission")),
    (invocations, put("LiveApiDefaultIntegration.IntegrationUri.Fn::Sub.1.FunctionArn", {"Ref": "LiveSocket"})),
    (visibility, put("ListFrames.VisibilityTimeout", 151)),
    (invocations, put("GetMeRoutePermission.FunctionName", {"Ref": "GetMe"})),
    (
        invocations,
        put("TakeOrderRoutePermission.SourceArn.Fn::Sub.0", "${__Stage__}/GET/api/orders/*/take"),
    ),
    (invocations, put("SendOfferRole.ManagedPolicyArns", [])),
    (invocations, put("LockExpiredRole.ManagedPolicyArns", [READS_QUEUE])),
    (timeouts, put("TakeOrder.Timeout", 30)),
]


@pytest.mark.parametrize("rule", RULES)
def test_the_template_keeps_a_rule(rule: Rule) -> None:
    assert list(rule(read(translated(TEMPLATE)))) == []


@pytest.mark.parametrize(("rule", "plant"), PLANTED)
def test_a_planted_defect_of_wiring_is_found(rule: Rule, plant: Plant) -> None:
    assert list(rule(read(planted(plant))))


def test_every_rule_has_a_planted_defect() -> None:
    assert {rule for rule, _ in PLANTED} == set(RULES)


def test_each_listed_shorter_visibility_is_needed() -> None:
    """A queue that has six times the timeout, or that there is not, is not listed."""
    wiring = read(translated(TEMPLATE))
    timeout = {
        logical(source.of): wiring.functions[source.invokes.function].timeout for source in wiring.sources.values()
    }
    assert {name for name in SHORTER if wiring.queues[name].visibility < FACTOR * timeout[name]} == set(SHORTER)
