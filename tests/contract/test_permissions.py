"""G9: no role or resource policy of the deployed template grants more than the lists in this file allow.

The subject is the translated template, with the roles and permissions that SAM adds. `test_policies` checks that a
function is granted no more than it calls.
"""

import ast
import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra.checks.translation import Resources
from infra.operate import stage
from infra.operate.derived_keys import DERIVED_KEYS
from tests.api import ROOT
from tests.conftest import SECRETS
from tests.contract.test_policies import FUNCTIONS, granted, handler_of
from tests.contract.wiring import TEMPLATE, listed, translated

SOCKETS = json.dumps(
    {"Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${LiveApi}/live/*/@connections/*"}
)
# Every permitted wildcard, and its reason.
WILDCARDS = {
    '{"Fn::Sub": "${Table.Arn}/index/*"}': "which of the table's indexes a list reads, its filters decide",
    '{"Fn::Sub": "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${Timers}/*"}': (
        "a schedule is named after its order, and the group is this stage's"
    ),
    SOCKETS: "a socket is named when it opens, and the API is this stage's",
}
# WatchHealth reads alarms and the ages of queues. CloudWatch limits neither call to a resource.
WITHOUT_RESOURCE = {"cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"}
# Managed policies of AWS that SAM attaches. The first two are for logs and traces. The third reads streams and writes
# nothing. The last receives and deletes messages of queues.
LOGS = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
TRACES = "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess"
STREAMS = "arn:aws:iam::aws:policy/service-role/AWSLambdaDynamoDBExecutionRole"
QUEUES = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"
# The policy of the role with which CodeDeploy moves the aliases of functions, and nothing else.
DEPLOYS = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda"
ATTACHED = {
    **dict.fromkeys(("OrderChanged", "LockExpired"), STREAMS),
    **dict.fromkeys(
        ("FindAudience", "SendOffer", "SendNotice", "SendAnswer", "SendPersonalFrames", "SendListFrames"), QUEUES
    ),
    "CodeDeployService": DEPLOYS,
}
# Who assumes a role. All others are of functions.
ASSUMED_BY = {"TimerRole": "scheduler.amazonaws.com", "CodeDeployServiceRole": "codedeploy.amazonaws.com"}
# Functions that may write outside a transaction, and the partitions: a new user's item, and items that hold no money,
# counter or lock. The latter are messages sent, the send rates, the count of reads and of messages over sockets, the
# metrics, how many were told of an order, and how often operators are told of threads.
WRITE_ALONE = {
    **{
        function: {"READS#*", "USER#*"}
        for function in ("GetMe", "GetBalance", "GetPreferences", "GetNotificationSettings")
    },
    **{function: {"READS#*"} for function in ("GetOrder", "ListOrders", "ListReviews", "CheckReview")},
    **{function: {"READS#*"} for function in ("ListTransactions", "GetPaymentStatus", "ExportMe")},
    "Audit": {"STATS#*"},
    "FindAudience": {"TOLD#*"},
    "SendOffer": {"INBOX#*", "NOTICE#*", "PACE#*"},
    "SendNotice": {"INBOX#*", "NOTICE#*", "PACE#*"},
    **{function: {"READS#*"} for function in ("CreateLiveTicket", "LiveSocket")},
    "SendListFrames": {"PACE#*"},
    "SendAnswer": {"INBOX#*", "PACE#*", "THREAD#*", "WATCH#*"},
    "TelegramWebhook": {"INBOX#*", "PACE#*", "WATCH#*"},
    "CreateInvoice": {"INBOX#*", "PACE#*"},
}
# The holder of the bot's token speaks as the bot and can refund every payment in Stars. Each function that may read it,
# and the methods of the Bot API that it needs it for.
SPEAK_AS_THE_BOT = {
    "SendOffer": "sendMessage",
    "SendNotice": "sendMessage",
    "SendAnswer": "sendMessage",
    "ReadThreads": "getFile, and the download of the photo that it finds",
    "TelegramWebhook": "sendMessage, editMessageText, answerCallbackQuery, answerPreCheckoutQuery",
    "CreateInvoice": "createInvoiceLink, for an invoice in Stars; sendMessage, to ask for a contact for receipts",
    "CheckPayments": "getStarTransactions; refundStarPayment, to end the refunds that operators began",
    "RefundPayment": "refundStarPayment",
    "RefundPayments": "refundStarPayment, by operators in the panel",
}
# The same for the other secrets of issuers. No key is weaker: YooKassa has one for everything.
CALL_CRYPTO_PAY = {"CreateInvoice", "CheckPayments", "RefundPayment", "RefundPayments"}
CALL_YOOKASSA = CALL_CRYPTO_PAY | {"YookassaWebhook", "TelegramWebhook"}
WRITES = {f"dynamodb:{operation}Item" for operation in ("Put", "Update", "Delete", "BatchWrite")}
# Each of these would open a resource to other accounts or the internet, so none is allowed.
OPEN_DOORS = {
    "AWS::DynamoDB::Table": ["ResourcePolicy"],
    "AWS::Lambda::Function": ["FunctionUrlConfig"],
}
NO_SUCH = {
    *("AWS::Lambda::Url", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy"),
    *("AWS::IAM::User", "AWS::IAM::AccessKey", "AWS::IAM::Policy", "AWS::IAM::UserPolicy"),
}


@pytest.fixture(scope="module")
def deployed() -> Resources:
    """The translated template of production."""
    return translated(TEMPLATE)


def statements(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every policy statement of a role or a managed policy."""
    properties = resource["Properties"]
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    for document in [*documents, *listed(properties.get("PolicyDocument", []))]:
        yield from listed(document["Statement"])


def too_much(resources: Resources) -> Iterator[str]:
    """Describe every grant or open resource that is not allowed."""
    for name, resource in resources.items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind in NO_SUCH:
            yield f"{name} is a {kind}"
        for door in OPEN_DOORS.get(kind, []):
            if door in properties:
                yield f"{name} has a {door}"
        if kind in {"AWS::IAM::Role", "AWS::IAM::ManagedPolicy"}:
            for statement in statements(resource):
                yield from (f"{name}: {wrong}" for wrong in wrong_with(statement))
        if kind == "AWS::SQS::QueuePolicy":
            yield from (f"{name}: {wrong}" for wrong in wrong_with_queue(resources, properties))
        if kind == "AWS::IAM::Role":
            yield from (f"{name}: {wrong}" for wrong in wrong_with_role(name, properties))
        if kind == "AWS::Lambda::Permission" and not (
            str(properties.get("Principal")) in {"apigateway.amazonaws.com", "events.amazonaws.com"}
            and properties.get("SourceArn")
            and properties.get("Action") == "lambda:InvokeFunction"
        ):
            yield f"{name} lets anybody else invoke"
    roles = [
        json.dumps(resource["Properties"]["Role"])
        for resource in resources.values()
        if resource["Type"] == "AWS::Lambda::Function"
    ]
    if len(roles) != len(set(roles)):
        yield "functions share a role"


def wrong_with(statement: dict[str, Any]) -> Iterator[str]:
    """Describe what a statement grants beyond the lists."""
    if statement["Effect"] != "Allow" or statement.keys() - {"Effect", "Action", "Resource", "Condition", "Sid"}:
        yield f"is no plain grant: {statement}"
    for action in listed(statement.get("Action", [])):
        if "*" in action:
            yield f"action {action}"
    for resource in listed(statement.get("Resource", [])):
        text = json.dumps(resource)
        if text == '"*"' and set(listed(statement.get("Action", []))) <= WITHOUT_RESOURCE:
            continue
        if "*" in text and text not in WILDCARDS:
            yield f"resource {text}"


def wrong_with_queue(resources: Resources, properties: dict[str, Any]) -> Iterator[str]:
    """Describe what a queue's policy allows beyond EventBridge rules of this stack that send to this queue."""
    [queue] = properties["Queues"]
    rules = [{"Fn::GetAtt": [name, "Arn"]} for name, each in resources.items() if each["Type"] == "AWS::Events::Rule"]
    for statement in properties["PolicyDocument"]["Statement"]:
        senders = statement.get("Condition", {}).get("ArnEquals", {}).get("aws:SourceArn", [])
        if not senders or any(sender not in rules for sender in senders):
            yield f"senders {senders}"
        if statement["Principal"] != {"Service": "events.amazonaws.com"}:
            yield f"principal {statement['Principal']}"
        if (statement["Action"], statement["Resource"]) != ("sqs:SendMessage", {"Fn::GetAtt": [queue["Ref"], "Arn"]}):
            yield f"{statement['Action']} on {statement['Resource']}"


def wrong_with_role(name: str, properties: dict[str, Any]) -> Iterator[str]:
    """Describe the principals and managed policies of a role that are not allowed."""
    function = name.removesuffix("Role")
    [trust] = properties["AssumeRolePolicyDocument"]["Statement"]
    service = ASSUMED_BY.get(name, "lambda.amazonaws.com")
    if trust["Principal"] not in ({"Service": service}, {"Service": [service]}):
        yield f"is trusted to {trust['Principal']}"
    if listed(trust["Action"]) != ["sts:AssumeRole"]:
        yield f"trust of {trust['Action']}"
    if name == "TimerRole" and trust.get("Condition") != {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    }:
        yield "is trusted to schedules of other accounts"
    for attached in properties.get("ManagedPolicyArns", []):
        if isinstance(attached, str) and attached not in (LOGS, TRACES, ATTACHED.get(function)):
            yield f"is attached {attached}"


def test_no_grant_exceeds_the_allowed_list(deployed: Resources) -> None:
    assert list(too_much(deployed)) == []


def test_every_allowed_wildcard_is_used(deployed: Resources) -> None:
    used = {
        json.dumps(resource)
        for role in deployed.values()
        if role["Type"] in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")
        for statement in statements(role)
        for resource in listed(statement["Resource"])
    }
    assert set(WILDCARDS) <= used


def test_only_listed_functions_write_outside_transactions() -> None:
    """Checked in template.yaml itself, because the local translation drops the condition (P1)."""
    alone: dict[str, set[str]] = {}
    for function in FUNCTIONS:
        for each in granted(function):
            if each.action in WRITES and not each.in_transaction:
                alone.setdefault(function, set()).add(each.keys)
    assert alone == WRITE_ALONE


def readers(secret: str) -> set[str]:
    """The functions that may read a secret."""
    return {name for name in FUNCTIONS if any(each.on == secret for each in granted(name))}


def test_only_listed_functions_read_a_token() -> None:
    assert readers("telegram-bot-token") == set(SPEAK_AS_THE_BOT)
    assert readers("crypto-pay-token") == CALL_CRYPTO_PAY
    assert readers("yookassa-secret-key") == CALL_YOOKASSA


def test_only_functions_that_verify_read_a_derived_key() -> None:
    """A function verifies initData if its module imports a dependency that returns the caller.

    OpenSession signs operators' sessions with a key that is made from the same one.
    """
    callers = {"Caller", "MaybeReader", "Operator", "Reader"}
    verify = set()
    for name in FUNCTIONS:
        tree = ast.parse((ROOT / f"{handler_of(name).replace('.', '/')}.py").read_text())
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        from_auth = {each.name for node in imports if node.module == "shared.http.auth" for each in node.names}
        if from_auth & callers:
            verify.add(name)
    assert len(verify) > 30
    assert readers("init-data-key") == verify | {"OpenSession"}
    assert readers("crypto-pay-webhook-key") == {"CryptoPayWebhook"}
    assert readers("telegram-webhook-secret") == {"TelegramWebhook"}
    assert readers("contact-key") == {"CreateOrder", "UpdateOrder"}
    assert readers("live-ticket-key") == {"CreateLiveTicket", "LiveSocket"}


def test_every_secret_that_is_read_is_stored_by_setup() -> None:
    read = {each.on for name in FUNCTIONS for each in granted(name) if each.action == "ssm:GetParameter"}
    assert read == {*(secret.name for secret in stage.SECRETS), *(key.name for key in DERIVED_KEYS)}
    assert read == set(SECRETS)


def grant(action: str, resource: Any) -> Callable[[Resources], None]:
    def plant(resources: Resources) -> None:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        resources["TimerRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].append(statement)

    return plant


def add(resource: dict[str, Any]) -> Callable[[Resources], None]:
    return lambda resources: resources.update({"Planted": resource})


def send(**changed: Any) -> Callable[[Resources], None]:
    def plant(resources: Resources) -> None:
        [statement] = resources["TimerDeadLettersPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        statement.update(changed)

    return plant


def trust(principal: Any) -> Callable[[Resources], None]:
    def plant(resources: Resources) -> None:
        resources["GetMeRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] = principal

    return plant


def attach(policy: str) -> Callable[[Resources], None]:
    return lambda resources: resources["GetMeRole"]["Properties"]["ManagedPolicyArns"].append(policy)


@pytest.mark.parametrize(
    "plant",
    [
        grant("dynamodb:*", {"Fn::GetAtt": ["Table", "Arn"]}),
        grant("dynamodb:GetItem", "*"),
        grant("dynamodb:GetItem", {"Fn::Sub": "arn:aws:dynamodb:*:*:table/*"}),
        trust({"AWS": "*"}),
        trust("*"),
        trust({"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}),
        attach("arn:aws:iam::aws:policy/AdministratorAccess"),
        attach(STREAMS),
        attach(QUEUES),
        add({"Type": "AWS::Lambda::Url", "Properties": {"AuthType": "NONE"}}),
        send(Principal="*"),
        send(Principal={"Service": "sns.amazonaws.com"}),
        send(Action="sqs:*"),
        send(Resource={"Fn::GetAtt": ["Offers", "Arn"]}),
        send(Condition={}),
        send(Condition={"ArnEquals": {"aws:SourceArn": [{"Fn::GetAtt": ["Api", "Arn"]}]}}),
        add({"Type": "AWS::SNS::TopicPolicy", "Properties": {}}),
        add({"Type": "AWS::Lambda::Permission", "Properties": {"Action": "lambda:InvokeFunction", "Principal": "*"}}),
        lambda resources: resources["GetMe"]["Properties"].update(Role=resources["GetBalance"]["Properties"]["Role"]),
        lambda resources: resources["TimerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0].pop(
            "Condition"
        ),
    ],
)
def test_every_planted_excess_grant_is_found(deployed: Resources, plant: Callable[[Resources], None]) -> None:
    resources = copy.deepcopy(deployed)
    plant(resources)
    assert list(too_much(resources))
