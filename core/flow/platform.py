"""The platform: one lending system for many legal entities, put together by a host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from core.application import Application
from core.errors import GaveUp, InputError, Stale, nearest
from core.flow.errand import Errand
from core.policies import checks_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.application import State, Step
    from core.banks import Bank
    from core.clock import Clock
    from core.policies import Check
    from core.ports import Ports
    from core.products import Product
    from core.store import Store

T = TypeVar("T")

SAVES_MAX = 16  # nobody is overtaken so often by honest work


async def until_saved(act: Callable[[], Awaitable[T]]) -> T:
    """Read, change and save until nobody was faster; for what must be written, whoever races.

    ``act`` reads everything it changes anew each time, and asks no provider.

    Raises:
        Stale: it was overtaken sixteen times.
    """
    for _ in range(SAVES_MAX - 1):
        try:
            return await act()
        except Stale:
            continue
    return await act()


@dataclass(slots=True)
class Platform:
    """Everything a step may use: ports, store, clock, and the banks with their products."""

    ports: Ports
    store: Store
    clock: Clock
    banks: dict[str, Bank]
    products: dict[str, Product]

    def product(self, product_id: str) -> Product:
        """Return a product.

        Raises:
            InputError: no such product; the nearest is named.
        """
        try:
            return self.products[product_id]
        except KeyError:
            raise InputError(
                f"product {product_id!r}", "is unknown", nearest(product_id, self.products)
            ) from None

    def bank(self, bank_id: str) -> Bank:
        """Return a bank.

        Raises:
            InputError: no such bank; the nearest is named.
        """
        try:
            return self.banks[bank_id]
        except KeyError:
            raise InputError(
                f"bank {bank_id!r}", "is unknown", nearest(bank_id, self.banks)
            ) from None

    def checks(self, application: Application, step: Step) -> frozenset[Check]:
        """Return the checks that the application's product asks for at ``step``."""
        return checks_of(self.product(application.product))[step]

    async def unmoved(self, app: Application, began: State, step: Step) -> None:
        """Require that nobody moved the application while a step was on its way.

        Raises:
            GaveUp: another visit of the same customer did; whoever comes back goes on from there.
        """
        now = await self.store.get(Application, app.id)
        if now is None or now.state is not began:
            raise GaveUp(f"application.{step}", "another visit of this customer was faster")

    def errand(self, application: Application, step: Step) -> Errand:
        """Return the errand of one request of this application's customer."""
        tries = application.tries.get(step, 0)
        return Errand(self.clock, application.bank, application.id, step, tries)
