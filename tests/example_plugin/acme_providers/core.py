"""On top of a mock: a core that pays out no loan before nine in the morning."""

from __future__ import annotations

from core.ports.corebank import CoreCode, Outcome, Posted
from mocks.corebank.behaviour import CoreBank
from mocks.plugins import OnTop

OPENS_S = 9 * 3600


class LateCore(OnTop):
    """Ours, but closed until nine; a key that comes too early is not used up."""

    PROVIDER = "corebank"
    SCOPE = "bank"
    OPERATIONS = CoreBank.OPERATIONS

    def disburse(self, trace, query, now_s, draws):
        if now_s % 86_400 < OPENS_S:
            return Posted(Outcome.REJECTED, CoreCode.DAY_END, retryable=True)
        return self.own.disburse(trace, query, now_s, draws)
