"""One call of an action of Tencent Cloud: who asks, what is kept for them, where answers come from.

Actions that a port knows ask it through their tenant, which draws latency and faults, journals and
bills. Actions that no port knows answer from the truth about people; they go the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from mocks.spec import VENDORS, Case
from mocks.tencent_request import Field, Fields, VendorError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from core.ports.trace import Trace
    from core.seed import Draws
    from mocks.spec import Operation
    from mocks.tenant import Tenant
    from mocks.tencent_limits import Bucket
    from mocks.wire import Request

T = TypeVar("T")


class Outcome(NamedTuple):
    """What the journal and the invoice know of an action that no port knows."""

    verdict: str


class Question(NamedTuple):
    """What an action is asked that no port knows; ``judge`` answers with its outcome.

    Each of the call's parameters is an attribute, for a magic input may stand in it.
    """

    call: Call
    judge: Callable[[], str]

    def __getattr__(self, name: str) -> str:
        """Return a text parameter."""
        if name.startswith("__"):
            raise AttributeError(name)
        return self.call.text(name)


def judged(trace: Trace, question: Question, now_s: float, draws: Draws) -> Outcome:
    """Be how an action acts that no port knows."""
    del trace, now_s, draws
    return Outcome(question.judge())


@dataclass(slots=True)
class Office:
    """What one tenant's wire alone knows: how many requests came, and what the actions keep."""

    tenant: Tenant | None
    number: int = 0
    buckets: dict[str, Bucket] = field(default_factory=dict)
    rooms: dict[type, Any] = field(default_factory=dict)

    def room(self, make: type[T]) -> T:
        """Return what one group of actions keeps here, made when it is first wanted."""
        found = self.rooms.get(make)
        if found is None:
            found = self.rooms[make] = make()
        kept: T = found
        return kept

    def request_id(self, action: str) -> str:
        """Return the id of the next request: the hash of tenant, action and its number."""
        self.number += 1
        name = self.tenant.name if self.tenant else ""
        return uuid_like(f"{name}\n{action}\n{self.number}", b"request")


def case(name: str, told: str, tells: Callable[[Call], str]) -> Case:
    """Return a case of an action that no port knows: ``tells`` says what is told, and judges."""

    def act(behaviour: Any, trace: Trace, query: Any, now_s: float, draws: Draws) -> Any:
        del behaviour, trace, now_s, draws
        return Outcome(tells(query.call))

    return Case(name, told, act, Outcome(name))


def uuid_like(text: str, what: bytes) -> str:
    """Return a hash in the form of a UUID."""
    told = text.encode("utf-8", "backslashreplace")
    digits = blake2b(told, digest_size=16, person=what).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


@dataclass(slots=True)
class Call:
    """One request for an action: who asks, what, and where the answer comes from."""

    action: Action
    tenant: Tenant
    office: Office
    request: Request
    values: dict[str, Any]
    told: dict[str, Any] = field(default_factory=dict)  # by an action that no port knows

    def text(self, name: str) -> str:
        """Return a text parameter; empty where it was not given."""
        return str(self.values.get(name, ""))

    def flag(self, name: str, *, otherwise: bool = False) -> bool:
        """Return a parameter that is on or off."""
        return bool(self.values.get(name, otherwise))

    async def ask(self, operation: str, subject: str, query: Any) -> Any:
        """Let a provider answer; raises as :meth:`mocks.tenant.Tenant.ask`."""
        return await self.tenant.ask(operation, self.request, subject, query)

    def bill(self) -> None:
        """Bill an answer that no port gives."""
        self.tenant.billed[self.operation] += 1

    async def judge(self, subject: str, judge: Callable[..., str], *given: Any) -> dict[str, Any]:
        """Let an action that no port knows answer, as an operation that one knows would.

        ``judge(call, *given)`` puts what is told into ``told``, and returns the outcome's word. It
        acts when the line lets it: late, or with nobody to hear of it, where a fault strikes.

        Raises:
            NoAnswer, QuotaExceeded, ServerFailed: as :meth:`mocks.tenant.Tenant.ask`.
        """
        spec = self.action.spec
        assert spec is not None
        self.tenant.learn(self.action.provider, spec, judged)
        question = Question(self, partial(judge, self, *given))
        await self.tenant.ask(self.operation, self.request, subject, question)
        return self.told

    @property
    def operation(self) -> str:
        """The name in journal and invoice of an action that no port knows."""
        return f"{self.action.provider}.{self.action.name}"


class Action(NamedTuple):
    """One action of a product; ``per_s`` is its default rate limit."""

    name: str
    provider: str
    per_s: int
    fields: Fields
    answer: Callable[[Call], Awaitable[dict[str, Any]]]
    source: str = VENDORS  # of the rate limit
    spec: Operation | None = None  # of an action that no port knows: its billing and its cases


# Sensitive parameters may come encrypted with a key that the vendor's console made. A tenant has no
# such console, so what is encrypted cannot be read: that is said, not passed over.
ALGORITHM = Field("Algorithm", choices=("", "AES-256-CBC", "SM4-GCM"))
ENCRYPTION = Field(
    "Encryption",
    "object",
    fields=Fields(
        Field("EncryptList", "strings", required=True),
        Field("CiphertextBlob", required=True),
        Field("Iv", required=True),
        ALGORITHM,
        Field("TagList", "strings"),
    ),
)
# Where the answer is to be encrypted, the algorithm is enough.
ENCRYPTED_ANSWER = Field(
    "Encryption",
    "object",
    fields=Fields(
        Field("EncryptList", "strings"),
        Field("CiphertextBlob"),
        Field("Iv"),
        ALGORITHM,
        Field("TagList", "strings"),
    ),
)
NOT_ENCRYPTED = {
    "EncryptList": [],
    "CiphertextBlob": "",
    "Iv": "",
    "Algorithm": "",
    "TagList": [],
}


def require_plain(encrypted: Mapping[str, Any] | None, *allowed: str) -> None:
    """Require that no parameter came encrypted.

    Raises:
        VendorError: a field that may not be encrypted, or one that cannot be decrypted.
    """
    listed = (encrypted or {}).get("EncryptList", [])
    if any(name not in allowed for name in listed):
        code = "InvalidParameter.UnsupportEncryptField"
        raise VendorError(code, f"Only these can be encrypted: {', '.join(allowed)}.")
    if listed:
        problem = "The key of the encrypted parameters is not known here."
        raise VendorError("FailedOperation.DecryptSystemError", problem)


def require_plain_answer(call: Call, *switches: str) -> None:
    """Require that the answer is not asked for in encrypted form.

    Raises:
        VendorError: it is.
    """
    encrypted = call.values.get("Encryption") or {}
    if encrypted.get("Algorithm") or any(call.flag(name) for name in switches):
        problem = "There is no key here to encrypt the answer with."
        raise VendorError("FailedOperation.EncryptSystemError", problem)
