"""The contract as a page: made from its canonical bytes, with what proves it at its foot.

The page asks for nothing from anywhere (its own policy forbids it), runs nothing, and escapes every
word it is given: a borrower called ``<script>`` is printed so.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from core.contract.evidence import told
from core.contract.paper import contract_of
from core.contract.words import offer_rows
from core.money import yuan

if TYPE_CHECKING:
    from core.store.records import Contract


@cache
def template() -> Template:
    """Return the page's template."""
    page = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return page.get_template("contract.html.j2")


def html(contract: Contract) -> str:
    """Return the page of a contract that was signed and deposited.

    Raises:
        ValueError: its text is not the canonical form of a contract.
    """
    content = contract.text.encode()
    said = contract_of(content)
    line, borrower = said["line"], said["borrower"]
    own = (
        ("合同编号 Document", said["document"]),
        ("申请编号 Application", said["application"]),
        ("借款人 Borrower", borrower["name"]),
        ("公民身份号码 ID number", borrower["id_number"]),
        ("授信额度 Line", f"{yuan(line['limit_fen'])} {line['currency']}, to {line['valid_to']}"),
        ("收款账户 Paid into", said["paid_into"]),
        ("签订日期 Signed on", said["signed_on"]),
    )
    proof = (
        ("SHA-256", contract.digest),
        ("SM3 (GB/T 32905)", contract.sm3),
        ("电子签名 Signature, Ed25519", contract.signature),
        ("证书序列号 Certificate", contract.certificate),
        ("意愿核验 Face check", contract.will),
        ("存证回执 Receipt", contract.receipt),
        ("存证链值 Chain", contract.chain),
        ("时间戳 Time stamp", told(contract.stamped_at)),
    )
    return template().render(
        title=said["document"],
        specimen=said["agreed"]["specimen"],
        bank=said["agreed"]["lender"],
        own=own,
        agreed=list(offer_rows(said["agreed"])),
        proof=proof,
        bytes=len(content),
    )
