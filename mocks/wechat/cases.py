"""What a test may have WeChat answer."""

from __future__ import annotations

from core.identity import PhoneNumber
from core.ports.wechat import (
    CodeVerdict,
    KeysVerdict,
    LoginAnswer,
    MessageAnswer,
    MessageVerdict,
    PhoneAnswer,
    UserKey,
    UserKeysAnswer,
)
from mocks import magic
from mocks.spec import Case, says

OPENID = "o-case-0000000000000000000"
PHONE = PhoneNumber(f"{magic.PHONES}9999")
TOLD = {
    CodeVerdict.UNKNOWN: "a code that was never given out, or is too old",
    CodeVerdict.USED: "a code that was used before",
    CodeVerdict.BLOCKED: "risk control stops the user",
}
SESSION_KEY = "Y2FzZS1zZXNzaW9uLWtleQ=="


def _noes(answer: type) -> tuple[Case, ...]:
    return tuple([says(str(verdict), answer(verdict), told) for verdict, told in TOLD.items()])


LOGIN = (
    says("ok", LoginAnswer(CodeVerdict.OK, OPENID, SESSION_KEY), "somebody logs in"),
    *_noes(LoginAnswer),
)
PHONE_CODE = (
    says("ok", PhoneAnswer(CodeVerdict.OK, PHONE), "a number"),
    *_noes(PhoneAnswer),
)
MESSAGE = tuple(
    says(str(verdict), MessageAnswer(verdict), told)
    for verdict, told in {
        MessageVerdict.SENT: "the message goes out",
        MessageVerdict.NOT_GRANTED: "the user did not agree to it",
        MessageVerdict.NO_SUCH_OPENID: "there is no such user",
    }.items()
)
USER_KEYS = (
    says(
        "ok",
        UserKeysAnswer(
            KeysVerdict.OK, (UserKey(1, "Y2FzZS11c2VyLWtleS0xNg==", "ca5eca5eca5eca5e", 3_600),)
        ),
        "one key, made just now",
    ),
    says(
        "wrong_signature",
        UserKeysAnswer(KeysVerdict.WRONG_SIGNATURE),
        "it is not signed with the session key of the last login",
    ),
)
