"""The operator's desk: what a story told from elsewhere needs of a server, on the wire.

``PUT /_operator/stage`` makes the tenant that the header ``X-Loanrange-Tenant`` names into a stage:
a world of its own seed that begins at midnight, whose time jumps, with a story's profiles and its
crash. ``POST /_operator/acts/NAME`` does one act of :class:`scenarios.stories.operator.Operator`
there, with named arguments. Every answer tells the business time. In is let whoever the control
plane lets in.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

from core.documents import converter
from core.errors import InputError, MachineError, nearest
from mocks.control.door import doorkeeper, problem
from mocks.line import Profile
from mocks.tenant import TENANT_HEADER
from scenarios.hosts.wall import OwnTimes
from scenarios.stories.crash import Crash, CrashPlan
from scenarios.stories.operator import InProcess
from scenarios.stories.packing import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from core.application import Reason
    from mocks.tenant import Tenant, Tenants
    from scenarios.receptions import Behind, Receptions
    from scenarios.stories.operator import Verdict

    Stages = Callable[[str, int, dict[str, Profile] | None, CrashPlan | None], Tenant]

ACTS = frozenset(
    (
        *("get", "all", "save", "entries", "opened", "bureau_asked"),
        *("close", "set_quota", "take_back", "write_off", "unlock", "rescreen", "withdraw"),
        *("reserve", "cancel", "bring_in", "spend", "put_on_list"),
        *("come_up", "untold", "broken", "look", "sleep", "verdict"),
    )
)
_CONVERTER = converter()


class AtServer(InProcess):
    """The operator of a platform that this server has behind its gateway."""

    def __init__(self, behind: Behind) -> None:
        super().__init__(behind.host, behind.platform)
        self._behind = behind
        assert isinstance(behind.host.clock, OwnTimes)
        self._clock = behind.host.clock

    async def sleep(self, wait_s: float) -> None:
        """Let business time pass."""
        await self._clock.sleep(wait_s)

    async def come_up(self) -> None:
        """Have the platform come up anew, with what was saved and nothing else."""
        await self._behind.come_up()

    async def untold(self) -> Reason | None:
        """Return the last no that the gateway kept to itself."""
        return self._behind.reception.untold

    async def broken(self) -> BaseException | None:
        """Return what broke behind the gateway last."""
        return self._behind.reception.broken

    async def verdict(self, *, strictly: bool) -> Verdict:
        """Let everything that is on its way arrive, and judge the books."""
        await self._clock.flush()
        return await super().verdict(strictly=strictly)


class Desk:
    """What is done at the desk of one server."""

    def __init__(self, tenants: Tenants, receptions: Receptions, stages: Stages) -> None:
        """``stages`` makes a stage of a name, a seed, profiles and a crash."""
        self._tenants = tenants
        self._receptions = receptions
        self._stages = stages

    async def healthz(self, request: Request) -> JSONResponse:
        """Say that stories can be told here."""
        del request
        return JSONResponse({"status": "ok"})

    async def set_stage(self, request: Request) -> JSONResponse:
        """Make a tenant that was opened into a stage."""
        tenant, said = self._tenant(request), await _said(request)
        try:
            profiles, crash = said.get("profiles"), said.get("crash")
            made = self._stages(
                tenant.name,
                tenant.house.seed.value,
                None if profiles is None else _CONVERTER.structure(profiles, dict[str, Profile]),
                None if crash is None else CrashPlan(**crash),
            )
        except (KeyError, TypeError, ValueError) as wrong:
            remedy = "give profiles by provider, and a crash's call, after and nth"
            raise InputError("stage", f"cannot be made of this ({wrong})", remedy) from wrong
        self._tenants.seat(made)
        return JSONResponse({"now_s": made.now_s})

    async def act(self, request: Request) -> JSONResponse:
        """Do one act; what it ends with is told, a no as well as a crash."""
        name = request.path_params["name"]
        if name not in ACTS:
            raise InputError(f"act {name[:80]!r}", "is unknown", nearest(name, ACTS))
        tenant = self._tenant(request)
        if not isinstance(tenant.clock, OwnTimes):
            remedy = "PUT /_operator/stage makes it one"
            raise InputError(f"tenant {tenant.name!r}", "is no stage", remedy)
        behind = await self._receptions.behind(tenant.name)
        assert behind is not None
        said = {name: _unpacked(value) for name, value in (await _said(request)).items()}
        try:
            value = await getattr(AtServer(behind), name)(**said)
        except (Exception, Crash) as no:  # noqa: BLE001  it is told to whoever ran into it
            value = no
        return JSONResponse({"now_s": tenant.now_s, "value": pack(value)})

    def _tenant(self, request: Request) -> Tenant:
        name = request.headers.get(TENANT_HEADER, "")
        found = self._tenants.get(name)
        if found is None:
            remedy = f"name one in {TENANT_HEADER} that PUT /_control/tenants/NAME has opened"
            raise InputError(f"tenant {name[:80]!r}", "is unknown", remedy)
        return found


def desk_app(
    tenants: Tenants, receptions: Receptions, stages: Stages, token: str = ""
) -> Starlette:
    """Return the desk as an application; ``token`` opens it, as it opens the control plane."""
    desk, let_in = Desk(tenants, receptions, stages), doorkeeper(token)

    def behind_the_door(act: Any) -> Any:
        async def serve(request: Request) -> JSONResponse:
            let_in(request)
            done: JSONResponse = await act(request)
            return done

        return serve

    return Starlette(
        routes=[
            Route("/_operator/healthz", behind_the_door(desk.healthz)),
            Route("/_operator/stage", behind_the_door(desk.set_stage), methods=["PUT"]),
            Route("/_operator/acts/{name}", behind_the_door(desk.act), methods=["POST"]),
        ],
        exception_handlers={InputError: _wrong, MachineError: _away, HTTPException: _refused},
    )


async def _said(request: Request) -> dict[str, Any]:
    """Return what a request says.

    Raises:
        InputError: it is no JSON object.
    """
    try:
        said = json.loads(await request.body() or b"{}")
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise InputError("body", "is no JSON object", "name each argument")
    return said


def _unpacked(value: Any) -> Any:
    try:
        return unpack(value)
    except (LookupError, TypeError, ValueError) as wrong:
        remedy = "scenarios/stories/packing.py says how records and days are told"
        raise InputError("body", f"holds what is none of ours ({wrong})", remedy) from wrong


async def _wrong(request: Request, wrong: Exception) -> JSONResponse:
    del request
    return problem(400, "Bad Request", str(wrong))


async def _away(request: Request, no: Exception) -> JSONResponse:
    del request
    return problem(503, "Service Unavailable", str(no))


async def _refused(request: Request, no: Exception) -> JSONResponse:
    assert isinstance(no, HTTPException)
    return problem(no.status_code, str(no.detail), f"{request.url.path}: {no.detail}")
