"""What a bank may have lent out at once (资金额度): set here, held by the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import InputError
from core.flow.platform import until_saved
from core.money import fen
from core.store.records import Funding, Line

if TYPE_CHECKING:
    from core.flow.platform import Platform


async def set_quota(platform: Platform, bank_id: str, quota_fen: int) -> Funding:
    """Set a bank's quota; one below what is lent already only stops new drawdowns.

    A bank that had none is counted from what its loans owe and its drawdowns reserve by then, so
    a quota may be set at any time, best in a quiet hour.

    Raises:
        InputError: no such bank, or no positive amount of whole fen.
    """
    platform.bank(bank_id)
    if fen(quota_fen) <= 0:
        raise InputError(f"quota of {bank_id!r}", f"{quota_fen} fen", "give at least one fen")

    async def write() -> Funding:
        funding = await platform.store.get(Funding, bank_id)
        if funding is None:
            lines = await platform.store.all(Line, bank_id)
            reserved_fen = sum(line.reserved_fen for line in lines)
            used_fen = sum(line.used_fen for line in lines)
            funding = Funding(bank_id, bank_id, quota_fen, reserved_fen, used_fen)
        funding.quota_fen = quota_fen
        await platform.store.save(funding)
        return funding

    return await until_saved(write)


async def open_funding(platform: Platform) -> None:
    """Set the quota of every bank whose file names one."""
    for bank in platform.banks.values():
        if bank.funding_fen is not None:
            await set_quota(platform, bank.id, bank.funding_fen)
