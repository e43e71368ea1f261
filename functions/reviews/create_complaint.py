"""POST /api/reviews/executor: an executor complains about an order that he took."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from shared.commands import reviews as commands
from shared.domain.errors import AlreadyComplained, Banned, InvalidInitData, OrderNotTakenByYou
from shared.domain.order import Order
from shared.domain.review import COMPLAINTS, Complaint, complaint_about
from shared.handlers.http import http_handler
from shared.http.auth import Caller
from shared.http.errors import error_responses
from shared.http.schemas import Comment, IdOfOrder, View

router = APIRouter()


def _known(complaint: str) -> str:
    if complaint not in COMPLAINTS:
        raise PydanticCustomError("unknown_complaint", "Такой жалобы нет в списке")
    return complaint


class NewComplaint(BaseModel):
    """What the executor met with."""

    order_id: IdOfOrder
    complaint: Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(COMPLAINTS)})]
    comment: Comment | None = None


class ComplaintCreated(View):
    """It is there."""

    success: bool
    complaint_id: int


@router.post(
    "/api/reviews/executor",
    operation_id="create_complaint",
    summary="Complain about an order",
    response_model=ComplaintCreated,
    responses=error_responses(InvalidInitData, Banned, OrderNotTakenByYou, AlreadyComplained),
)
async def create_complaint(new: NewComplaint, caller: Caller) -> ComplaintCreated:
    """One complaint by each executor who took the order; its client does not see it."""

    def decide(order: Order | None, now: int, complaint_id: int) -> Complaint:
        return complaint_about(
            order,
            caller.id,
            complaint=new.complaint,
            comment=new.comment or None,
            complaint_id=complaint_id,
            now=now,
        )

    complaint = commands.complain(new.order_id, caller.id, decide)
    return ComplaintCreated(success=True, complaint_id=complaint.id)


handler = http_handler(router)
