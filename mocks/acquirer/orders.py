"""Orders of a merchant's takings: the acquirer's question, answered later.

What is ordered is asked of the acquirer at once, as ``flow`` is, and told when it is ready: at the
first question after it, at a later one, or after a time. An order's number is a hash of what is
ordered, by whom and on which date, so who orders the same again has the same order, and is billed
once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.ports.acquirer import FlowAnswer
    from mocks.results import Readiness
    from mocks.tenant import Tenant

ORDERS_KEPT = 10_000
PROCESSING, READY = "processing", "ready"


class Listener(Protocol):
    """Somebody who wants to hear of orders."""

    def ready(self, order: str) -> None:
        """An order is ready; told once."""
        ...

    def wake(self, at_s: float, happens: Callable[[], object]) -> None:
        """Something falls due at a moment: have it happen then, though nobody asks."""
        ...


@dataclass(slots=True)
class Order:
    """One order; ``polls`` is how many questions are left until it is ready, where they decide."""

    number: str
    answer: FlowAnswer
    due_s: float
    polls: int | None
    is_ready: bool = False

    @property
    def state(self) -> str:
        """How it stands."""
        return READY if self.is_ready else PROCESSING


@dataclass(slots=True)
class Orders:
    """The orders of one tenant."""

    readiness: Readiness | None = None  # of what is ordered from now on
    orders: dict[str, Order] = field(default_factory=dict)
    listener: Listener | None = None

    def listen(self, listener: Listener | None) -> None:
        """Tell somebody from now on what is ready, or nobody any more."""
        self.listener = listener
        for order in self.orders.values():
            self._wake(order)

    def take(self, number: str, answer: FlowAnswer, now_s: float) -> Order:
        """Take a new order; the oldest is forgotten where there are too many."""
        plan = self.readiness
        order = Order(number, answer, now_s, None)
        if plan is not None:
            order.due_s, order.polls = now_s + plan.after_s, plan.polls
        self.orders[number] = order
        if len(self.orders) > ORDERS_KEPT:
            del self.orders[next(iter(self.orders))]
        self.look(order, now_s)
        self._wake(order)
        return order

    def ask(self, order: Order, now_s: float) -> Order:
        """Count one more question after an order; return it as it stands then."""
        if order.polls:
            order.polls -= 1
        self.look(order, now_s)
        return order

    def look(self, order: Order, now_s: float) -> None:
        """Make an order ready whose time has come; tell whoever listens, once."""
        if order.is_ready or order.polls or now_s < order.due_s:
            return
        order.is_ready = True
        if self.listener is not None:
            self.listener.ready(order.number)

    def _wake(self, order: Order) -> None:
        if self.listener is not None and not order.is_ready and order.polls is None:
            self.listener.wake(order.due_s, partial(self.look, order, order.due_s))


def number_of(*names: object) -> str:
    """Return the number of the order that these names make unique."""
    told = "\n".join(map(str, names)).encode("utf-8", "backslashreplace")
    return "FO" + blake2b(told, digest_size=12, person=b"flow order").hexdigest()


def orders_of(tenant: Tenant) -> Orders:
    """Return a tenant's orders."""
    return tenant.room(Orders, Orders)
