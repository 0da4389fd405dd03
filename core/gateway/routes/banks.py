"""Before anybody is known: the banks, what they lend, what they ask consent for."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request, Response

from core.flow.authorise import NEEDED, TEXT_VERSION
from core.gateway.problems import PROBLEMS, Problem
from core.gateway.routes.ground import PAGE, At, Cursor, Limit, bank_of, part_of
from core.gateway.views import BankView, Page, ProductView, TextsView, bank_view, product_view
from core.products import products_of


async def healthz() -> dict[str, str]:
    """Say that the process serves."""
    return {"status": "ok"}


async def readyz(at: At) -> dict[str, str]:
    """Say that the platform's store answers."""
    first = next(iter(at.platform.banks))
    try:
        await at.platform.store.unsettled(first)
    except Exception as why:  # whatever it is, this process cannot serve
        raise Problem("later", "The store does not answer.", tries=1, mendable=True) from why
    return {"status": "ready"}


async def callback(at: At, request: Request) -> Response:
    """Take a provider's callback, signed after Standard Webhooks: a hint to ask, and no more."""
    if at.receiver is None:
        raise Problem("not-found", "Nobody calls back here.")
    status = at.receiver.take(request.headers, await request.body())
    if status != HTTPStatus.NO_CONTENT:
        raise Problem("not-believed" if status == HTTPStatus.UNAUTHORIZED else "malformed")
    return Response(status_code=status)


async def problem(name: str) -> dict[str, str | int]:
    """Tell what a problem means."""
    known = PROBLEMS.get(name)
    if known is None:
        raise Problem("not-found", "There is no such problem.")
    return {"name": name, "title": known.title, "status": known.status, "when": known.when}


async def banks(at: At, limit: Limit = PAGE, cursor: Cursor = "") -> Page[BankView]:
    """List the legal entities of the union."""
    part, behind = part_of(at.platform.banks.values(), lambda each: each.id, limit, cursor)
    return Page(items=[bank_view(each) for each in part], next=behind)


async def bank(at: At, bank: str) -> BankView:
    """Tell of one bank."""
    return bank_view(bank_of(at, bank))


async def products(
    at: At, bank: str, limit: Limit = PAGE, cursor: Cursor = ""
) -> Page[ProductView]:
    """List a bank's own loan products."""
    own = products_of(bank_of(at, bank).id, at.platform.products)
    part, behind = part_of(own, lambda each: each.id, limit, cursor)
    return Page(items=[product_view(each) for each in part], next=behind)


async def texts(at: At, bank: str) -> TextsView:
    """Tell what a bank asks consent for, and in which version of the text."""
    bank_of(at, bank)
    return TextsView(consent_version=TEXT_VERSION, consents=sorted(NEEDED))
