"""POST /api/reviews/executor: complain about an order that the caller took."""

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
from shared.http.schemas import TEXT, Comment, IdOfOrder, View

router = APIRouter()


def _known(complaint: str) -> str:
    if complaint not in COMPLAINTS:
        raise PydanticCustomError("unknown_complaint", "Такой жалобы нет в списке")
    return complaint


class NewComplaint(BaseModel):
    """A complaint. `complaint` is one of the listed kinds; `comment` is optional, at most 500 characters."""

    order_id: IdOfOrder
    complaint: Annotated[str, TEXT, AfterValidator(_known), Field(json_schema_extra={"enum": list(COMPLAINTS)})]
    comment: Comment | None = None


class ComplaintCreated(View):
    """The complaint was stored."""

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
    """Each executor can complain once about an order that they took. Only operators see complaints.

    An order that the caller did not take, or that does not exist, gets a 404 `order_not_taken_by_you`.
    """

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
