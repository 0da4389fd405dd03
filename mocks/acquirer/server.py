"""The server half of the merchant acquirer: ``/acquirer/v1/flow``, and the same by order.

The order form is for answers that take their time: ``flow-orders`` takes an order (202), whose
number tells how it stands. Faults, latency and the invoice are those of ``flow``; what is read
under a number takes no time and costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.ports.acquirer import FlowQuery
from mocks.acquirer.orders import Order, number_of, orders_of
from mocks.baggage import caller_of
from mocks.rest import Call, Get, Post, Reading, Service, ask
from mocks.rest_problems import Refusal
from mocks.rest_values import CODE_EXAMPLE, Answer, Code, Consent, Day, Fen, Query

if TYPE_CHECKING:
    from mocks import wire
    from mocks.baggage import Caller
    from mocks.tenant import Tenant

MONTHS_MAX = 120  # nobody keeps more, and a loop must end (assumed)


class FlowBody(Query):
    """The last ``months`` whole months of a merchant, under a consent."""

    PORT: ClassVar[Any] = FlowQuery
    ABOUT: ClassVar[str] = "merchant"

    merchant: Code
    months: Annotated[int, Field(ge=1, le=MONTHS_MAX)]
    consent: Consent


class MonthBody(Answer):
    """One month of acquiring; ``month`` is its first day."""

    month: Day
    turnover_fen: Fen
    payments: int
    active_days: int
    refunds_fen: Fen
    payers: int
    top_payer_fen: Fen
    night_fen: Fen


class FlowMonths(Answer):
    """The months, oldest first; ``joined`` is null where the merchant is unknown."""

    joined: Day | None
    months: tuple[MonthBody, ...]


class Ordered(Answer):
    """An order that was taken: read how it stands under its number."""

    order: str
    state: Literal["processing", "ready"]


class OrderBody(Ordered):
    """How an order stands; ``flow`` is null until it is ready."""

    flow: FlowMonths | None


async def order(call: Call) -> Any:
    """Take an order; who orders the same again on one date has the same order."""
    assert isinstance(call.query, FlowBody)
    tenant, query = call.tenant, call.query
    caller = await _caller(tenant, call.request)
    bank, on = (caller.trace.bank, caller.trace.date) if caller.trace else ("", tenant.today)
    names = (tenant.name, tenant.house.seed.value, bank, on, query.merchant.text)
    number, orders = number_of(*names, query.months, query.consent), orders_of(tenant)
    taken = orders.orders.get(number)
    if taken is None:
        answer = await ask(call._replace(operation="acquirer.flow"))
        taken = orders.orders.get(number) or orders.take(number, answer, tenant.now_s)
    return _told(taken)


async def read_order(reading: Reading) -> Any:
    """Tell how an order stands."""
    tenant = reading.tenant
    await _caller(tenant, reading.request)
    orders = orders_of(tenant)
    found = orders.orders.get(reading.name)
    if found is None:
        raise Refusal(404, f"there is no order {reading.name[:80]!r}")
    return _told(orders.ask(found, tenant.now_s))


async def _caller(tenant: Tenant, request: wire.Request) -> Caller:
    """Return who asks, in whose time."""
    caller = caller_of(request.headers.get("baggage", ""))
    if caller.visit:
        await tenant.clock.enter(caller.visit)
    return caller


def _told(order: Order) -> dict[str, Any]:
    flow = order.answer if order.is_ready else None
    return {"order": order.number, "state": order.state, "flow": flow}


EXAMPLE = {"merchant": CODE_EXAMPLE, "months": 12, "consent": "C-1"}
SERVICE = Service(
    "acquirer",
    "Merchant acquirer",
    "What a shop took over its counter, month by month, before the business date. Without a "
    "consent nobody is known. Amounts are decimal strings of fen.",
    (
        Post(
            "flow",
            FlowBody,
            FlowMonths,
            "A merchant's takings by month",
            EXAMPLE,
        ),
        Post(
            "flow-orders",
            FlowBody,
            Ordered,
            "Order a merchant's takings by month, to be read later",
            EXAMPLE,
            does=order,
            status=202,
        ),
    ),
    (
        Get(
            "flow-orders/{order}",
            OrderBody,
            "How an order stands, and the takings when it is ready",
            "^FO[0-9a-f]{24}$",
            "FO" + "0" * 24,
            read_order,
        ),
    ),
)
