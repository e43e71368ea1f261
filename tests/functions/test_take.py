"""POST /api/orders/{id}/take."""

from tests.in_process import Api


def test_first_story(service: Api) -> None:
    order = service.order(1)
    service.recharge(2, 7)
    taken = service.call("POST /api/orders/{id}/take", user=2, id=order["id"])
    assert (taken.status, taken.json) == (
        200,
        {"success": True, "contact": "@burst_pipe", "executor_count": 1, "new_balance": 5},
    )
    again = service.call("POST /api/orders/{id}/take", user=2, id=order["id"])
    assert again.json == taken.json
    assert service.call("DELETE /api/orders/{id}", user=1, id=order["id"]).status == 403
