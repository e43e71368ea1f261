"""The HTTP contract as data: what the WebApp relies on. A new endpoint is one row."""

from typing import Literal, NamedTuple

Who = Literal["anyone", "anyone, known if they send credentials", "user", "operator"]


class Endpoint(NamedTuple):
    """One row of the contract.

    `refused` are the error statuses of this endpoint. `answer` are the fields of the answer, None where it has
    no fields. `listed` are the fields of each element if the answer, or its first field, is a list of objects.
    """

    who: Who
    success: int
    refused: frozenset[int]
    answer: frozenset[str] | None = None
    listed: frozenset[str] | None = None


def _fields(names: str) -> frozenset[str]:
    return frozenset(names.split())


_NOTHING = frozenset[int]()
_ORDER = _fields(
    "id category description description_masked city contact created_at expires_in_minutes status taken_by"
    " customer_responded_at city_locked rating review_comment removed"
)
_OPERATOR_ORDER = _ORDER | _fields("client_id takes ended_at removed_at")
_TRANSACTION = _fields("id type amount balance_after order_id payment_method created_at")
_REVIEW = _fields("id author_name rating comment category city order_id created_at hidden")
_OPERATOR_REVIEW = _REVIEW | _fields("author_id executor_id hidden_at")
_COMPLAINT = _fields("id order_id executor_id client_id complaint comment created_at handled_at action_id")
_EXPORT = _fields(
    "id first_name last_name username consents banned_at banned_until ban_reason operator_notes balance categories"
    " first_order_at first_taken_order_at"
    " cities notifications_enabled"
    " notification_frequency bot_can_write receipt_contact receipt_contact_since"
    " orders taken_orders offered_orders reviews_written reviews_received complaints transactions"
    " support_messages next_cursor"
)
_THREAD = _fields(
    "user_id first_name last_name username state opened_at waiting_since last_message_at operator_id closed_at"
    " is_reachable"
)
_BAN = _fields("user_id banned_at banned_until removed_orders")
_PERSON = _fields(
    "id first_name last_name username balance active_orders completed_orders rating rating_count notifications_enabled"
    " bot_can_write ban notes orders_posted orders_taken payments complaints_by complaints_about reviews_by"
    " reviews_about transactions messages offered_orders"
)
_DAY = _fields(
    "day open posted taken slots responded completed expired_untaken closed complaints reviews rating_mean spent"
    " refunded topped_up debts clients executors new_clients new_executors returning_7 returning_28 told"
    " first_take_p50 first_take_p90 respond_p50 respond_p90"
)
_ACTION = _fields("id operator_id kind reason user_id order_id payment_id created_at")
_PAYMENT = _fields("payment_id user_id provider status amount created_at paid_at refunded taken_back debt")
_REFUNDED = _fields("refund provider_reason payment request")
_REQUEST = _fields("payment_id user_id amount operator_id reason created_at may_approve_at")

ENDPOINTS: dict[str, Endpoint] = {
    # orders
    "POST /api/orders": Endpoint("user", 201, frozenset({403, 409, 429}), _ORDER),
    "GET /api/orders": Endpoint(
        "anyone, known if they send credentials", 200, frozenset({401, 429}), _fields("orders total"), _ORDER
    ),
    "GET /api/orders/{id}": Endpoint("anyone, known if they send credentials", 200, frozenset({404, 429}), _ORDER),
    "PUT /api/orders/{id}": Endpoint("user", 200, frozenset({403, 404, 409, 410, 429}), _ORDER),
    "DELETE /api/orders/{id}": Endpoint("user", 204, frozenset({403, 404, 410})),
    "POST /api/orders/{id}/take": Endpoint(
        "user", 200, frozenset({402, 403, 404, 409, 410, 429}), _fields("success contact executor_count new_balance")
    ),
    "POST /api/orders/{id}/respond": Endpoint("user", 200, frozenset({403, 404, 409, 410}), _ORDER),
    "POST /api/orders/{id}/close": Endpoint("user", 204, frozenset({403, 404, 409, 410})),
    "POST /api/orders/{id}/complete": Endpoint("user", 200, frozenset({403, 404, 409, 410}), _ORDER),
    # users
    "GET /api/users/me": Endpoint(
        "user",
        200,
        frozenset({429}),
        _fields("id first_name last_name username completed_orders active_orders rating balance"),
    ),
    "GET /api/users/me/preferences": Endpoint("user", 200, frozenset({429}), _fields("categories cities")),
    "PUT /api/users/me/preferences": Endpoint("user", 200, frozenset({403, 429}), _fields("success")),
    "GET /api/users/me/notification-settings": Endpoint("user", 200, frozenset({429}), _fields("enabled frequency")),
    "PUT /api/users/me/notification-settings": Endpoint("user", 200, frozenset({403, 429}), _fields("success")),
    "GET /api/users/me/export": Endpoint("user", 200, frozenset({429}), _EXPORT),
    "DELETE /api/users/me": Endpoint("user", 204, frozenset({429})),
    # balance
    "GET /api/balance": Endpoint("user", 200, frozenset({429}), _fields("balance")),
    "GET /api/balance/transactions": Endpoint(
        "user", 200, frozenset({429}), _fields("transactions next_cursor"), _TRANSACTION
    ),
    "POST /api/balance/recharge": Endpoint(
        "user", 200, frozenset({403}), _fields("success new_balance transaction_id")
    ),
    "POST /api/balance/create-invoice": Endpoint(
        "user", 200, frozenset({403, 409, 429}), _fields("payment_id pay_url mini_app_invoice_url")
    ),
    "GET /api/balance/payment/{id}/status": Endpoint(
        "user", 200, frozenset({404, 429}), _fields("payment_id status amount new_balance")
    ),
    "POST /api/balance/webhook/crypto-bot": Endpoint("anyone", 200, frozenset({400, 401}), _fields("success")),
    "POST /api/balance/webhook/yookassa": Endpoint("anyone", 200, frozenset({400, 401}), _fields("success")),
    # live updates
    "POST /api/live/ticket": Endpoint("user", 200, frozenset({403, 429}), _fields("url ticket expires_in")),
    # bot
    "POST /api/telegram/webhook": Endpoint("anyone", 200, frozenset({400, 401}), _fields("success")),
    # reviews
    "POST /api/reviews/client": Endpoint("user", 200, frozenset({400, 403, 404, 409}), _fields("success review_id")),
    "POST /api/reviews/executor": Endpoint("user", 200, frozenset({403, 404, 409}), _fields("success complaint_id")),
    "GET /api/reviews": Endpoint("anyone, known if they send credentials", 200, frozenset({401, 429}), None, _REVIEW),
    "GET /api/reviews/check": Endpoint("user", 200, frozenset({429}), _fields("submitted type")),
    # operators
    "POST /api/admin/session": Endpoint(
        "anyone", 200, frozenset({403, 410}), _fields("session operator_id expires_at")
    ),
    "GET /api/admin/complaints": Endpoint("operator", 200, _NOTHING, _fields("complaints next_cursor"), _COMPLAINT),
    "POST /api/admin/complaints/handle": Endpoint("operator", 200, frozenset({404, 409}), _COMPLAINT),
    "GET /api/admin/reviews": Endpoint("operator", 200, _NOTHING, _fields("reviews next_cursor"), _OPERATOR_REVIEW),
    "POST /api/admin/reviews/hide": Endpoint("operator", 200, frozenset({404}), _OPERATOR_REVIEW),
    "POST /api/admin/reviews/restore": Endpoint("operator", 200, frozenset({404}), _OPERATOR_REVIEW),
    "GET /api/admin/orders/{id}": Endpoint("operator", 200, frozenset({404}), _OPERATOR_ORDER | _fields("complaints")),
    "POST /api/admin/orders/{id}/refund": Endpoint(
        "operator", 200, frozenset({404, 409}), _fields("order_id executor_id amount")
    ),
    "POST /api/admin/orders/{id}/remove": Endpoint("operator", 200, frozenset({404}), _OPERATOR_ORDER),
    "POST /api/admin/users/{id}/ban": Endpoint("operator", 200, _NOTHING, _BAN),
    "POST /api/admin/users/{id}/unban": Endpoint("operator", 200, _NOTHING, _BAN),
    "GET /api/admin/payments/{id}": Endpoint("operator", 200, frozenset({404}), _PAYMENT | _fields("request")),
    "POST /api/admin/payments/{id}/refund": Endpoint("operator", 200, frozenset({404, 409}), _REFUNDED),
    "GET /api/admin/refunds": Endpoint("operator", 200, _NOTHING, _fields("refunds spent_today limit"), _REQUEST),
    "POST /api/admin/refunds/{id}/approve": Endpoint("operator", 200, frozenset({404, 409}), _REFUNDED),
    "POST /api/admin/refunds/{id}/withdraw": Endpoint("operator", 200, frozenset({404}), _fields("withdrawn")),
    "GET /api/admin/health": Endpoint("operator", 200, _NOTHING, _fields("queues dead_letters alarms")),
    "POST /api/admin/redrive": Endpoint("operator", 200, _NOTHING, _fields("redriven failed left")),
    "GET /api/admin/users": Endpoint("operator", 200, frozenset({404}), _fields("ids")),
    "GET /api/admin/users/{id}": Endpoint("operator", 200, frozenset({404}), _PERSON),
    "POST /api/admin/users/{id}/notes": Endpoint("operator", 200, frozenset({404, 409}), _fields("notes")),
    "GET /api/admin/users/{id}/ledger": Endpoint(
        "operator", 200, _NOTHING, _fields("user_id balance banned_at transactions next_cursor"), _TRANSACTION
    ),
    "GET /api/admin/stats": Endpoint("operator", 200, frozenset({403}), _fields("days total"), _DAY),
    "GET /api/admin/actions": Endpoint("operator", 200, _NOTHING, _fields("actions next_cursor"), _ACTION),
    "GET /api/admin/threads": Endpoint("operator", 200, _NOTHING, _fields("threads next_cursor"), _THREAD),
    "GET /api/admin/threads/{id}": Endpoint(
        "operator", 200, frozenset({404}), _fields("thread messages person next_cursor")
    ),
    "GET /api/admin/threads/{id}/photos/{message_id}": Endpoint("operator", 200, frozenset({404, 422})),
    "POST /api/admin/threads/{id}": Endpoint("operator", 200, frozenset({404, 409}), _THREAD),
    # cities and meta
    "GET /api/cities": Endpoint("anyone", 200, _NOTHING),
    "GET /health": Endpoint("anyone", 200, _NOTHING, _fields("status")),
}

# Pages, their files, and the schema, which lists none of them.
STATIC = {
    "functions.meta.get_docs": {"GET /docs", "GET /docs/{file}"},
    "functions.meta.get_panel": {"GET /admin", "GET /admin/{file}"},
}
SCHEMA = {"functions.meta.get_openapi": {"GET /openapi.json"}}
PAGES: set[str] = set().union(*STATIC.values(), *SCHEMA.values())

# The strings in bodies and queries, by the name of their field. A text is cleaned before its length is counted
# (`TEXT` in shared/http/schemas.py); a token is an id, a cursor or a value of an enumeration, and is only compared.
TEXTS = _fields(
    "category categories city cities comment complaint contact description query reason receipt_contact search text"
)
TOKENS = _fields("action code cursor format from key method order_id provider queue state status to until")
