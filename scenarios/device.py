"""What only a phone can do, asked of a stack's control plane over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from core.errors import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from core.ports.people import Person


class Device(Protocol):
    """A customer's phone as WeChat and the face vendor see it."""

    async def login_code(self, openid: str, nonce: str) -> str:
        """Mint a login code."""
        ...

    async def phone_code(self, openid: str, nonce: str) -> str:
        """Mint a phone code."""
        ...

    async def show_face(self, token: str, person: Person, key: int, number: int) -> None:
        """Take the vendor's face check; ``key`` and ``number`` name its chance."""
        ...

    async def grant(self, openid: str, template: str) -> None:
        """Agree to one more message of a template."""
        ...

    async def user_key(self, openid: str) -> tuple[int, str]:
        """The newest key that WeChat shares with the server: version, and Base64."""
        ...


class HttpDevice:
    """Phones of one tenant of a running stack."""

    def __init__(
        self, client: httpx.AsyncClient, tenant: str, baggage: Callable[[], str] | None = None
    ) -> None:
        self._client = client
        self._tenant = tenant
        self._baggage = baggage

    async def _ask(self, what: str, **said: Any) -> dict[str, Any]:
        headers = {"x-loanrange-tenant": self._tenant}
        if self._baggage is not None:
            headers["baggage"] = self._baggage()
        answer = await self._client.post(f"/_control/device/{what}", json=said, headers=headers)
        if not answer.is_success:
            raise Unreadable(f"device.{what}", f"{answer.status_code}: {answer.text[:200]}")
        told: dict[str, Any] = answer.json()
        return told

    async def login_code(self, openid: str, nonce: str) -> str:
        """Mint a login code."""
        return str((await self._ask("login", openid=openid, nonce=nonce))["js_code"])

    async def phone_code(self, openid: str, nonce: str) -> str:
        """Mint a phone code."""
        return str((await self._ask("phone-code", openid=openid, nonce=nonce))["code"])

    async def show_face(self, token: str, person: Person, key: int, number: int) -> None:
        """Take the vendor's face check."""
        number_of = person.id_number.text
        await self._ask("face", biz_token=token, id_number=number_of, key=str(key), number=number)

    async def grant(self, openid: str, template: str) -> None:
        """Agree to one more message of a template."""
        await self._ask("grant", openid=openid, template=template)

    async def user_key(self, openid: str) -> tuple[int, str]:
        """The newest key that WeChat shares with the server: version, and Base64."""
        told = await self._ask("encrypt-key", openid=openid)
        return int(told["version"]), str(told["encryptKey"])
