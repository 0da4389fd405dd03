"""A phone with a stopwatch: what each step takes of the platform, and not of the customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.application import Step
from scenarios.phone import Phone

if TYPE_CHECKING:
    from array import array


class TimedPhone(Phone):
    """Times each step from the customer's going on to it until they go on to the next."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._began_s = self._host.clock.now_s
        self._own_s = 0.0  # of the present step: the customer's time, not the platform's
        self._step = Step.ENTER
        self.step_s: list[tuple[Step, float]] = []

    @property
    def served_s(self) -> float:
        """What the customer waited for the platform, in seconds, over all finished steps."""
        return sum(wait_s for _, wait_s in self.step_s)

    async def _take_time(self, wait_s: float) -> None:
        self._own_s += wait_s
        await super()._take_time(wait_s)

    async def wants(self, step: Step) -> bool:
        """Whether the customer goes on; the stopwatch of the step begins when they do."""
        goes_on = await super().wants(step)
        if goes_on:
            self._stop()
            self._step = step
        return goes_on

    def _stop(self) -> None:
        now_s = self._host.clock.now_s
        waited_s = now_s - self._began_s - self._own_s
        self.step_s.append((self._step, max(0.0, waited_s)))  # sums of floats may be off
        self._began_s, self._own_s = now_s, 0.0

    def finish(self, steps_s: dict[str, array[float]]) -> None:
        """Add what each step took to the columns by step."""
        self._stop()
        for step, wait_s in self.step_s:
            steps_s[step.value].append(wait_s)
