"""The reception: what the gateway keeps of one platform while it serves.

Everything in it ends with the process. What must last is in the platform's store.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from core.application import Application, Kind, State, Step
from core.errors import GaveUp, Refused
from core.flow.journey import TRIES_MAX, begin_anew, refuse
from core.gateway.conversation import Conversations, LetGo
from core.gateway.fronts import Fronts
from core.gateway.limits import Limits
from core.gateway.problems import Problem, refusal
from core.gateway.replies import Replies
from core.gateway.sealed import new_channels
from core.gateway.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.application import Reason
    from core.channel import Channels
    from core.flow.phone import Phone
    from core.flow.platform import Platform
    from core.gateway.callbacks import Receiver
    from core.gateway.conversation import Asking, Turn
    from core.gateway.sessions import Guest
    from core.gateway.staff import Staff

    Act = Callable[[Platform, Application, Phone], Awaitable[Application]]

# The states of an application that goes on, in their order, and the one each step begins in.
WAY = (
    State.ENTERED,
    State.REGISTERED,
    State.AUTHORISED,
    State.GRANTED,
    State.ACCOUNT_READY,
    State.SIGNED,
    State.ACTIVE,
)
BEGINS: dict[Step, State] = {
    Step.AUTHORISE: State.REGISTERED,
    Step.APPLY: State.AUTHORISED,
    Step.OPEN_ACCOUNT: State.GRANTED,
    Step.SIGN: State.ACCOUNT_READY,
    Step.DRAW_DOWN: State.SIGNED,
}


@dataclass(slots=True)
class Reception:
    """One platform behind the gateway, and who is served there just now."""

    platform: Platform
    name: str = ""
    sessions: Sessions = field(default_factory=partial(Sessions, secrets.token_bytes))
    conversations: Conversations = field(default_factory=Conversations)
    replies: Replies = field(default_factory=Replies)
    channels: Channels = field(default_factory=new_channels)
    sealed_only: frozenset[str] = frozenset()  # banks that are spoken to through a channel alone
    fronts: Fronts = field(default_factory=Fronts)  # other front ends, whose tickets are believed
    staff: Staff | None = None  # whom of the banks' staff to believe, where anybody is
    limits: Limits = field(default_factory=Limits)
    receiver: Receiver | None = None  # of providers' callbacks, where somebody calls back
    # What broke last: a bug of ours, which its client is not told. For whoever runs both; they
    # may not want it in the log, too.
    quiet: bool = False
    broken: BaseException | None = None
    untold: Reason | None = None  # the last no that was not told: likewise

    @property
    def now_s(self) -> float:
        """The business time now."""
        return self.platform.clock.now_s

    async def application(self, guest: Guest, app_id: str) -> Application:
        """Return an application of a customer's own.

        Raises:
            Problem: there is none of that name, or it is somebody else's.
        """
        app = await self.platform.store.get(Application, app_id)
        if app is None or app.customer != guest.customer or app.bank != guest.bank:
            raise Problem("not-found", "You have no application of this name.")
        return app

    async def take(
        self, app: Application, step: Step, act: Act, brought: dict[str, Any], *name: str
    ) -> Turn[Application]:
        """Take a step of an application, or go on with it; return where it stands.

        ``name`` tells conversations of one step apart. ``brought`` is what the request brings of
        what the step may ask for.

        Raises:
            Problem: the application has not come to this step yet, the bank says no, somebody does
                not answer, or too many steps are under way.
        """
        if app.state in WAY and WAY.index(app.state) < WAY.index(BEGINS[step]):
            raise Problem("not-now")
        about = (app.id, step.value, *name)
        held = self.conversations.find(about)
        if held is None:
            if self.conversations.full:
                raise Problem("busy")
            held = self.conversations.begin(about, partial(self._step, app, step, act), brought)
        else:
            held.tell(brought)
        try:
            return await held.turn()
        except LetGo:
            raise later(app.tries.get(step, 0)) from None

    async def _step(self, app: Application, step: Step, act: Act, phone: Asking) -> Application:
        """Take a step, and write a no or a pause down, whether anybody waits for it or not."""
        platform = self.platform
        try:
            await act(platform, app, phone)
        except Refused as no:
            tries = await refuse(platform, app, step, no.reason)
            raise self._no(no.reason, tries) from no
        except GaveUp as why:
            tries = await begin_anew(platform, app, step)
            raise later(tries) from why
        now = await platform.store.get(Application, app.id)
        assert now is not None
        return now

    async def once(self, guest: Guest, step: Step, act: Callable[[int], Awaitable[Any]]) -> Any:
        """Take a step that has no application yet; its tries are counted with the session.

        Raises:
            Problem: as :meth:`take`.
        """
        tries = guest.tries.get(step, 0)
        try:
            return await act(tries)
        except Refused as no:
            guest.tries[step] = tries + 1
            raise self._no(no.reason, tries + 1) from no
        except GaveUp as why:
            guest.tries[step] = tries + 1
            raise later(tries + 1) from why

    def _no(self, reason: Reason, tries: int) -> Problem:
        """Return the bank's no, after so many tries of a step."""
        if reason.kind is Kind.HELD:
            self.untold = reason
        return refusal(reason, tries, mendable=reason.kind is Kind.RETRY and tries < TRIES_MAX)

    async def close(self) -> None:
        """Break off what is under way."""
        await self.conversations.close()


def later(tries: int) -> Problem:
    """Return what is said where somebody we ask does not answer."""
    return Problem("later", tries=tries, mendable=tries < TRIES_MAX)
