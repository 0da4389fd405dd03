"""The platform: one lending system for many legal entities, put together by a host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import InputError, nearest
from core.flow.errand import Errand
from core.policies import checks_of

if TYPE_CHECKING:
    from core.application import Application, Step
    from core.banks import Bank
    from core.clock import Clock
    from core.policies import Check
    from core.ports import Ports
    from core.products import Product
    from core.store import Store


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

    def errand(self, application: Application, step: Step) -> Errand:
        """Return the errand of one request of this application's customer."""
        tries = application.tries.get(step, 0)
        return Errand(self.clock, application.bank, application.id, step, tries)
