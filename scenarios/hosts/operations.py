"""Which operations each provider has: read off the port Protocols, the one place that says so."""

from __future__ import annotations

from core.ports import PROVIDERS
from core.ports.acquirer import Acquirer
from core.ports.bureau import Bureau
from core.ports.carrier import Carrier
from core.ports.corebank import CoreBank
from core.ports.evidence import Evidence
from core.ports.face import Face
from core.ports.idnet import IdNet
from core.ports.objects import Objects
from core.ports.ocr import Ocr
from core.ports.registry import Registry
from core.ports.sanctions import Sanctions
from core.ports.wechat import WeChat

PORTS: dict[str, type] = dict(
    zip(
        PROVIDERS,
        (
            WeChat,
            Ocr,
            Carrier,
            IdNet,
            Sanctions,
            Face,
            CoreBank,
            Bureau,
            Registry,
            Acquirer,
            Objects,
            Evidence,
        ),
        strict=True,
    )
)

OPERATIONS: dict[str, tuple[str, ...]] = {
    provider: tuple(name for name in vars(port) if not name.startswith("_"))
    for provider, port in PORTS.items()
}
