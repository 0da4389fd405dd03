"""What a test may have the deposit answer."""

from __future__ import annotations

from core.ports.evidence import (
    DepositAnswer,
    ReadAnswer,
    Served,
    SignAnswer,
    Standing,
    StatusAnswer,
)
from mocks.spec import says

REVOKED_AT = 1_593_619_200  # 2 July 2020 in China
SIGN = (
    says("unavailable", SignAnswer(Served.UNAVAILABLE), "the authority is down; nothing is done"),
)
DEPOSIT = (
    says("unavailable", DepositAnswer(Served.UNAVAILABLE), "no time stamps; nothing is done"),
)
READ = (says("not_found", ReadAnswer(found=False), "there is no such deposit"),)
STATUS = (
    says("good", StatusAnswer(Standing.GOOD), "the certificate holds"),
    says(
        "revoked",
        StatusAnswer(Standing.REVOKED, REVOKED_AT, "key_compromise"),
        "the certificate was revoked",
    ),
    says("expired", StatusAnswer(Standing.EXPIRED), "the certificate's time is over"),
    says("unknown", StatusAnswer(Standing.UNKNOWN), "no certificate of this authority"),
)
