"""What a customer is shown of the records: amounts in fen, numbers and names masked."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from core.application import ENDS, Application, State, Step
from core.gateway.problems import code_of
from core.money import lpr_ppm

if TYPE_CHECKING:
    from core.banks import Bank
    from core.lending.book import Loan
    from core.products import Product
    from core.store.records import Contract, Drawdown, Line, Repayment

T = TypeVar("T")

FEN = Annotated[int, Field(description="fen: hundredths of a yuan", examples=[5_000_000])]
PPM = Annotated[int, Field(description="millionths a year", examples=[58_500])]


class View(BaseModel):
    """What is shown; a field that is not documented is never shown."""

    model_config = ConfigDict(extra="forbid")


class Page(View, Generic[T]):
    """A part of a list; ``next`` is the cursor of the part behind it, empty at the end."""

    items: list[T]
    next: str = ""


class BankView(View):
    """A legal entity of the union."""

    id: Annotated[str, Field(examples=["daopu"])]
    name: str
    english: str
    county: str


class ProductView(View):
    """A loan product, as a customer may compare it."""

    id: Annotated[str, Field(examples=["daopu-easy"])]
    name: str
    kind: str
    method: str
    months: int
    line_max_fen: FEN
    draw_min_fen: FEN


class TextsView(View):
    """What a bank asks consent for."""

    consent_version: str
    consents: list[str]


class SessionView(View):
    """A session; the token is told once. ``subject`` is what the sealed channel is bound to."""

    token: Annotated[str, Field(description="send it as Authorization: Bearer")]
    session: Annotated[str, Field(examples=["V3f0a…"])]
    subject: str
    expires_in_s: float
    applications: list[ApplicationView]


class IdentityView(View):
    """The server's long-term key (Ed25519) for the sealed channel."""

    kid: str
    public: Annotated[str, Field(description="32 bytes in hexadecimal digits")]


class DecisionView(View):
    """What was decided on an application for credit."""

    granted: bool
    limit_fen: FEN
    rate_ppm: PPM
    codes: list[str]


class ApplicationView(View):
    """An application: where it stands, and which step comes next (empty: none)."""

    id: str
    bank: str
    product: str
    state: Annotated[str, Field(examples=["registered"])]
    next: Annotated[str, Field(examples=["authorise"])]
    last: Annotated[str, Field(description="the step of the last move, or no")]
    code: Annotated[str, Field(description="of the last no", examples=["R303"])]
    account: Annotated[str, Field(description="masked", examples=["6293**********0941"])]
    contract: str


class AskView(View):
    """What a step needs of its customer before it can go on: send the step again with it."""

    kind: Literal["face", "card", "signature", "consents"]
    token: str = ""
    text: str = ""
    kinds: list[str] = []
    text_version: str = ""


class StepView(View):
    """Where a step stands: it asks for something, or it is done."""

    step: str
    asks: AskView | None = None
    application: ApplicationView


class LineView(View):
    """A granted line."""

    limit_fen: FEN
    free_fen: FEN
    reserved_fen: FEN
    used_fen: FEN
    rating: str
    granted_on: date
    valid_to: date
    frozen: bool


class ContractView(View):
    """A contract that was signed, by its digests."""

    id: str
    digest: str
    sm3: str
    signed_on: date
    rate_ppm: PPM
    disclosed_ppm: PPM
    receipt: str


class OfferView(View):
    """What would be signed: the price of today."""

    rate_ppm: PPM
    cap_ppm: PPM
    disclosed_ppm: PPM
    lpr_ppm: PPM
    lines: Annotated[str, Field(description="the agreed terms, as the customer reads them")]


class DrawdownView(View):
    """A drawdown; ``loan`` is empty until it was paid out."""

    id: str
    amount_fen: FEN
    rate_ppm: PPM
    state: str
    asked_on: date
    use: str
    loan: str


class DrawStepView(View):
    """Where a drawdown stands: it asks for something, or it is done."""

    asks: AskView | None = None
    drawdown: DrawdownView | None = None


class RowView(View):
    """One row of a schedule."""

    number: int
    due: date
    principal_fen: FEN
    interest_fen: FEN
    paid: bool


class LoanView(View):
    """A loan as it stood at its last accrual."""

    id: str
    application: str
    principal_fen: FEN
    rate_ppm: PPM
    method: str
    drawn_on: date
    outstanding_fen: FEN
    owed_interest_fen: FEN
    owed_penalty_fen: FEN
    state: str
    accrued_through: date
    next_due: date | None


class QuoteView(View):
    """What settles a loan on a date."""

    on: date
    total_fen: FEN
    principal_fen: FEN
    interest_fen: FEN
    penalty_fen: FEN


class RepaymentView(View):
    """A repayment, part by part."""

    id: str
    loan: str
    amount_fen: FEN
    asked_on: date
    state: str
    parts: dict[str, int]


class MessageView(View):
    """Something the bank has to say about a loan."""

    kind: str
    on: date
    subject: str
    amount_fen: FEN


NEXT: dict[State, Step] = {
    State.REGISTERED: Step.AUTHORISE,
    State.AUTHORISED: Step.APPLY,
    State.GRANTED: Step.OPEN_ACCOUNT,
    State.ACCOUNT_READY: Step.SIGN,
    State.SIGNED: Step.DRAW_DOWN,
    State.ACTIVE: Step.DRAW_DOWN,
}


def bank_view(bank: Bank) -> BankView:
    """Return a bank as anybody may see it."""
    return BankView(id=bank.id, name=bank.name, english=bank.english, county=bank.county)


def product_view(product: Product) -> ProductView:
    """Return a product as anybody may see it."""
    return ProductView(
        id=product.id,
        name=product.name,
        kind=product.kind.value,
        method=product.method.value,
        months=product.months,
        line_max_fen=product.line_max_fen,
        draw_min_fen=product.draw_min_fen,
    )


def application_view(app: Application) -> ApplicationView:
    """Return an application as its customer may see it: one that is held was declined."""
    # Whoever is held on suspicion is told no more than whoever is declined (no tipping off).
    state = State.DECLINED if app.state is State.HELD else app.state
    step = None if app.state in ENDS else NEXT.get(app.state)
    return ApplicationView(
        id=app.id,
        bank=app.bank,
        product=app.product,
        state=state.value,
        next=step.value if step else "",
        last=app.history[-1][0].value if app.history else "",
        code=code_of(app.reason) if app.reason else "",
        account=masked(app.account),
        contract=app.contract,
    )


def masked(account: str) -> str:
    """Return a card number as its holder is shown it."""
    return f"{account[:4]}{'*' * (len(account) - 8)}{account[-4:]}" if account else ""


def line_view(line: Line) -> LineView:
    """Return a line as its customer may see it."""
    return LineView(
        limit_fen=line.limit_fen,
        free_fen=line.free_fen,
        reserved_fen=line.reserved_fen,
        used_fen=line.used_fen,
        rating=line.rating,
        granted_on=line.granted_on,
        valid_to=line.valid_to,
        frozen=bool(line.frozen),
    )


def contract_view(contract: Contract) -> ContractView:
    """Return a contract by what proves it."""
    return ContractView(
        id=contract.id,
        digest=contract.digest,
        sm3=contract.sm3,
        signed_on=contract.signed_on,
        rate_ppm=contract.rate_ppm,
        disclosed_ppm=contract.disclosed_ppm,
        receipt=contract.receipt,
    )


def offer_view(offer: Any, on: date) -> OfferView:
    """Return what a contract of today would say of its price."""
    price = offer.price
    return OfferView(
        rate_ppm=price.rate_ppm,
        cap_ppm=price.cap_ppm,
        disclosed_ppm=price.disclosed.simple_ppm,
        lpr_ppm=lpr_ppm(on),
        lines=offer.plain,
    )


def drawdown_view(draw: Drawdown, *, is_loan: bool) -> DrawdownView:
    """Return a drawdown as its customer may see it."""
    return DrawdownView(
        id=draw.id,
        amount_fen=draw.amount_fen,
        rate_ppm=draw.rate_ppm,
        state=draw.state.value,
        asked_on=draw.asked_on,
        use=draw.use,
        loan=draw.loan if is_loan else "",
    )


def loan_view(loan: Loan) -> LoanView:
    """Return a loan as its customer may see it."""
    unpaid = [row.due for index, row in enumerate(loan.rows) if not loan.paid(index)]
    return LoanView(
        id=loan.id,
        application=loan.application,
        principal_fen=loan.principal_fen,
        rate_ppm=loan.rate_ppm,
        method=loan.method.value,
        drawn_on=loan.drawn_on,
        outstanding_fen=loan.outstanding_fen,
        owed_interest_fen=loan.owed_interest_fen,
        owed_penalty_fen=loan.owed_penalty_fen,
        state=loan.state.value,
        accrued_through=loan.accrued_through,
        next_due=unpaid[0] if unpaid and loan.debt_fen else None,
    )


def rows_view(loan: Loan) -> list[RowView]:
    """Return a loan's schedule."""
    return [
        RowView(
            number=row.number,
            due=row.due,
            principal_fen=row.principal_fen,
            interest_fen=row.interest_fen,
            paid=loan.paid(index),
        )
        for index, row in enumerate(loan.rows)
    ]


def repayment_view(paid: Repayment) -> RepaymentView:
    """Return a repayment as its customer may see it."""
    return RepaymentView(
        id=paid.id,
        loan=paid.loan,
        amount_fen=paid.amount_fen,
        asked_on=paid.asked_on,
        state=paid.state.value,
        parts=dict(paid.parts),
    )
