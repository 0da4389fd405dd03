"""What a test may have the business register answer."""

from __future__ import annotations

from datetime import date

from core.ports.registry import BusinessAnswer, BusinessState
from mocks.spec import says

SHOP = ("样本县样本面馆", "个体工商户", "样本甲", "餐饮服务", "样本县样本路1号", date(2018, 5, 4))
TOLD = {
    BusinessState.OPEN: "the business is open",
    BusinessState.ABNORMAL: "it is on the list of irregular businesses",
    BusinessState.CLOSED: "it was closed",
    BusinessState.REVOKED: "its licence was revoked",
}
LOOK_UP = (
    *(says(str(state), BusinessAnswer(state, *SHOP), told) for state, told in TOLD.items()),
    says("not_found", BusinessAnswer(BusinessState.NOT_FOUND), "no such business"),
)
