"""The contracts: what the platform asks of each provider, and what it is answered.

One file a provider: its queries, its answers and its Protocol. ``Trace`` names the call attempt
and travels beside the query; the query itself stays the same from attempt to attempt, so that a
provider can tell a repeat from something new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.ports.trace import Trace

if TYPE_CHECKING:
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

__all__ = ["PROVIDERS", "Ports", "Trace"]


@dataclass(slots=True)
class Ports:
    """Every provider the platform asks, by the name it has at every stop."""

    wechat: WeChat
    ocr: Ocr
    carrier: Carrier
    idnet: IdNet
    sanctions: Sanctions
    face: Face
    corebank: CoreBank
    bureau: Bureau
    registry: Registry
    acquirer: Acquirer
    objects: Objects
    evidence: Evidence


PROVIDERS: tuple[str, ...] = (
    "wechat",
    "ocr",
    "carrier",
    "idnet",
    "sanctions",
    "face",
    "corebank",
    "bureau",
    "registry",
    "acquirer",
    "objects",
    "evidence",
)
