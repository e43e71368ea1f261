"""Payments and the charges that settle them. Each change is one transaction."""

from collections.abc import Sequence
from typing import Any

from shared.domain.durations import DAY_MS
from shared.domain.init_data import TelegramUser
from shared.domain.limits import Token
from shared.domain.payment import Charge, Currency, Payment, Provider, Settlement, Status
from shared.domain.user import User
from shared.store import conditions, keys, ledger, table, users

# DynamoDB's TTL removes an unpaid payment this long after it was created. A payment with a charge is kept.
_RETENTION_MS = 30 * DAY_MS


def _item(payment: Payment) -> table.Item:
    return {
        **keys.payment(payment.id),
        "user_id": payment.user_id,
        "provider": payment.provider,
        "amount": payment.amount,
        "price": payment.price,
        "currency": payment.currency,
        "created_at": payment.created_at,
        "expires_at": payment.expires_at,
        "status": payment.status,
        "invoice_id": payment.invoice_id,
        "charge_id": payment.charge_id,
        "paid_at": payment.paid_at,
        "refunded": payment.refunded,
        "taken_back": payment.taken_back,
        keys.TIMELINE.pk: keys.payments_of(payment.user_id),
        keys.TIMELINE.sk: keys.id_sk(payment.id),
        **_due_keys(payment),
        **({"ttl": (payment.created_at + _RETENTION_MS) // 1000} if payment.charge_id is None else {}),
    }


def _due_keys(payment: Payment) -> dict[str, Any]:
    if payment.check_at is None:
        return {}
    return {keys.DUE.pk: keys.DUE_PAYMENTS, keys.DUE.sk: payment.check_at}


def from_item(item: table.Item) -> Payment:
    """Return the payment of an item."""
    return Payment(
        id=int(item["pk"].partition("#")[2]),
        user_id=item["user_id"],
        provider=Provider(item["provider"]),
        amount=item["amount"],
        price=item["price"],
        currency=Currency(item["currency"]),
        created_at=item["created_at"],
        expires_at=item["expires_at"],
        status=Status(item["status"]),
        check_at=item.get(keys.DUE.sk),
        invoice_id=item["invoice_id"],
        charge_id=item["charge_id"],
        paid_at=item["paid_at"],
        refunded=item["refunded"],
        taken_back=item["taken_back"],
    )


def get(payment_id: int) -> Payment | None:
    """Return the payment; None if it is not stored. One consistent GetItem. Raises Unavailable."""
    item = table.get(keys.payment(payment_id))
    return from_item(item) if item else None


def of_user(user_id: int, *, limit: int) -> list[Payment]:
    """Return the newest payments of a user, as the index has them. One Query, one BatchGetItem. Raises Unavailable."""
    entries = table.query(keys.TIMELINE, keys.payments_of(user_id), limit=limit)
    return [from_item(item) for item in table.get_many(entries, consistent=False) if item]


def get_with_payer(payment_id: int, user_id: int) -> tuple[Payment | None, User]:
    """Return the payment and a user. One consistent BatchGetItem. Raises Unavailable."""
    payment, user = table.get_many([keys.payment(payment_id), keys.user(user_id)], consistent=True)
    return from_item(payment) if payment else None, users.from_item(user_id, user)


def create(payment: Payment, payer: TelegramUser, token: Token, *, receipt_contact: str | None) -> None:
    """Put a payment with a new id. `token` is the payer's rate limit token for it; a `receipt_contact` is stored.

    One TransactWriteItems of two writes. Raises table.WriteConflict, also if the id is in use.
    """
    table.transact(
        [
            table.put_write(_item(payment), condition=conditions.NOT_THERE),
            users.user_write(payer.id, caller=payer, token=token, receipt_contact=receipt_contact),
        ]
    )


def refuse(payment: Payment, tokens: Sequence[Token]) -> None:
    """Let a pending payment expire at once, and write the payer's rate limit tokens.

    One TransactWriteItems of two writes. Raises table.WriteConflict.
    """
    updates = [users.token_update(token) for token in tokens]
    payer = [value for _, _, values in updates for value in values.items()]
    table.transact(
        [
            table.update_write(
                keys.payment(payment.id),
                f"SET #status = :status REMOVE {keys.DUE.pk}, {keys.DUE.sk}",
                condition=conditions.PAYMENT_AS_READ,
                values={
                    ":status": Status.EXPIRED,
                    ":status_read": payment.status,
                    ":refunded_read": payment.refunded,
                },
            ),
            table.update_write(
                keys.user(payment.user_id),
                f"SET {', '.join(clause for clause, _, _ in updates)}",
                condition=conditions.all_of(conditions.THERE, *(condition for _, condition, _ in updates)),
                values=dict(payer),
            ),
        ]
    )


def set_invoice(payment_id: int, invoice_id: str) -> None:
    """Store the provider's id of the invoice. One TransactWriteItems of one write. Raises table.WriteConflict."""
    table.transact(
        [
            table.update_write(
                keys.payment(payment_id),
                "SET invoice_id = :invoice_id",
                condition=conditions.THERE,
                values={":invoice_id": invoice_id},
            )
        ]
    )


def read_for_charge(charge: Charge) -> tuple[Payment | None, User, bool]:
    """Return the payment of a charge, the user that the charge names, and whether the charge is already settled.

    One consistent BatchGetItem; one GetItem more if the charge has a payment of its own. Raises Unavailable.
    """
    mark, named, user = table.get_many(
        [
            keys.charge(charge.provider, charge.id),
            keys.payment(charge.payment_id),
            keys.user(charge.user_id),
        ],
        consistent=True,
    )
    if mark is not None and mark["payment_id"] != charge.payment_id:
        named = table.get(keys.payment(mark["payment_id"]))
    return from_item(named) if named else None, users.from_item(charge.user_id, user), mark is not None


def settle(charge: Charge, before: Payment, settlement: Settlement) -> None:
    """Write the effect of a charge on the payment `before`: its state, balance, debt and ledger, and the charge's mark.

    One TransactWriteItems of two to five writes. Raises table.WriteConflict.
    """
    after, change = settlement.payment, settlement.change
    if settlement.is_new:
        writes = [table.put_write(_item(after), condition=conditions.NOT_THERE)]
    else:
        writes = [
            table.update_write(
                keys.payment(after.id),
                "SET #status = :status, charge_id = :charge_id, paid_at = :paid_at, refunded = :refunded,"
                f" taken_back = :taken_back REMOVE {keys.DUE.pk}, {keys.DUE.sk}, #ttl",
                condition=conditions.PAYMENT_AS_READ,
                values={
                    ":status": after.status,
                    ":charge_id": after.charge_id,
                    ":paid_at": after.paid_at,
                    ":refunded": after.refunded,
                    ":taken_back": after.taken_back,
                    ":status_read": before.status,
                    ":refunded_read": before.refunded,
                },
            )
        ]
    if settlement.is_new or before.charge_id is None:
        mark = {**keys.charge(charge.provider, charge.id), "payment_id": after.id}
        writes.append(table.put_write(mark, condition=conditions.NOT_THERE))
    if change is not None:
        writes += [users.user_write(after.user_id, change=change), *map(ledger.entry_write, change.entries)]
    table.transact(writes)


# ---------------------------------------------------------------- polling the providers


def due(now: int) -> list[Payment]:
    """Return the pending and expired payments to poll at `now` (epoch ms), the longest due first.

    One Query per megabyte of keys, one consistent BatchGetItem per hundred payments. Raises Unavailable.
    """
    found = table.query(keys.DUE, keys.DUE_PAYMENTS, high=now, newest_first=False)
    payments = [from_item(item) for item in table.get_many(found, consistent=True) if item]
    return [payment for payment in payments if payment.check_at is not None]


def checked(before: Payment, after: Payment) -> None:
    """Write a payment for which a poll found no money: expired, or with the time of the next poll.

    One TransactWriteItems of one write. Raises table.WriteConflict if the payment was settled since it was read.
    """
    due = _due_keys(after)
    next_check = f"{keys.DUE.sk} = :check_at"
    table.transact(
        [
            table.update_write(
                keys.payment(before.id),
                f"SET #status = :status, {next_check}"
                if due
                else f"SET #status = :status REMOVE {keys.DUE.pk}, {keys.DUE.sk}",
                condition=conditions.PAYMENT_AS_READ,
                values={
                    ":status": after.status,
                    ":status_read": before.status,
                    ":refunded_read": before.refunded,
                    **({":check_at": after.check_at} if due else {}),
                },
            )
        ]
    )


def get_cursor(provider: Provider) -> int:
    """Return how many of a provider's charges were read and settled. One consistent GetItem. Raises Unavailable."""
    item = table.get(keys.cursor(provider))
    return item["position"] if item else 0


def set_cursor(provider: Provider, position: int) -> None:
    """Store that `position` of a provider's charges were read and settled.

    One TransactWriteItems of one write. Raises table.WriteConflict.
    """
    table.transact(
        [
            table.update_write(
                keys.cursor(provider),
                "SET #position = :position",
                condition=None,
                names={"#position": "position"},
                values={":position": position},
            )
        ]
    )
