"""The words of a contract: how its fields are told to people, in Chinese and in English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.money import yuan

if TYPE_CHECKING:
    from collections.abc import Iterator

SPECIMEN = "SPECIMEN 样本: a simulation's contract, of no legal force 不具法律效力"

METHODS: dict[str, str] = {
    "equal_instalment": "等额本息 equal instalments of principal and interest",
    "equal_principal": "等额本金 equal principal, and interest on what is left",
    "bullet": "先息后本 interest every month, principal with the last",
    "daily": "随借随还 interest by the day, settled every month; principal at any time",
    "flat": "等本等息 equal instalments, interest on the whole principal",
}
USES: dict[str, str] = {
    "consumer": "个人消费 household consumption",
    "business": "个人经营 the borrower's own trade",
    "property": "房地产 property",
    "stocks": "股票 stocks",
    "bonds": "债券 bonds",
    "futures": "期货 futures",
    "derivatives": "金融衍生品 derivatives",
}
TOLD = frozenset({"method", "months", "pricing.overdue_surcharge_pct"})  # in lines of their own


def own_lines(
    document: str, name: str, number: str, account: str, limit_fen: int, valid_to: str
) -> str:
    """Return the lines about the customer."""
    return (
        f"个人循环借款合同 LINE OF CREDIT {document}\n"
        f"借款人 Borrower: {name}, ID number {number}\n"
        f"授信额度 Line: {yuan(limit_fen)} yuan, valid to {valid_to}\n"
        f"收款账户 Paid into: account {account}\n"
        "签订日期 Signed on: "
    )


def offer_lines(agreed: dict[str, Any]) -> str:
    """Return the lines about what everybody of one product, rating and price agrees to."""
    lines = "".join(f"{name}: {words}\n" for name, words in offer_rows(agreed))
    return f"{lines}{agreed['specimen']}\n"


def offer_rows(agreed: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (what it is about, what is agreed) for every part of an offer."""
    lender, product, price = agreed["lender"], agreed["product"], agreed["price"]
    shown, rules, use = agreed["disclosed"], agreed["rules"], agreed["use"]
    yield "贷款人 Lender", f"{lender['name']} ({lender['english']})"
    version = product["version"]
    yield "产品 Product", f"{product['name']} ({product['english']}), version {version}"
    rule = (
        f"one-year LPR of the day of drawdown plus {price['spread_bp']} basis points, at least "
        f"{per_cent(price['floor_ppm'])} and at most {per_cent(price['cap_ppm'])} a year"
    )
    lpr, rate = per_cent(price["lpr_ppm"]), per_cent(price["rate_ppm"])
    yield "利率 Rate", f"{rule}; {rate} with the LPR of the day of signing, {lpr}"
    example = f"for example {yuan(shown['example_fen'])} yuan drawn on {shown['drawn_on']}"
    simple, compound = per_cent(shown["simple_ppm"]), per_cent(shown["compound_ppm"])
    yield "年化利率 Annualised rate", f"{simple} simple, {compound} compound, {example}"
    yield "还款方式 Repayment", f"{METHODS[rules['method']]}; {rules['months']} months a drawdown"
    yield "逾期 Overdue", f"{rules['pricing']['overdue_surcharge_pct']}% on top of the rate"
    never = ", ".join(USES[each] for each in use["never"])
    yield "用途 Use of funds", f"{USES[use['for']]}; never {never}"
    rest = "; ".join(f"{name} = {value}" for name, value in flat(rules) if name not in TOLD)
    yield "其他约定 Further terms", rest
    yield "授权书 Consent", f"version {agreed['consent_version']}"


def flat(rules: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) of a table of tables."""
    for key, value in rules.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield above + key, value


def per_cent(rate_ppm: int) -> str:
    """Return a rate as people read it: ``7.2%``, ``15.4321%``."""
    whole, part = divmod(rate_ppm, 10_000)
    return f"{whole}.{part:04}".rstrip("0").rstrip(".") + "%"
