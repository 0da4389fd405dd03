"""What a test may have the carriers answer. The words are the port's; the server has the codes."""

from __future__ import annotations

from core.ports.carrier import (
    Mismatch,
    NameAnswer,
    Operator,
    OwnerAnswer,
    PhoneState,
    PhoneVerdict,
    SinceAnswer,
    StateAnswer,
)
from mocks.spec import Case, says

V = PhoneVerdict
TOLD = {
    V.NO_RECORD: "the number is in nobody's name",
    V.BUSY: "the carrier's own service is busy",
    V.BAD_NAME: "the name is none",
    V.BAD_NUMBER: "the number is none",
    V.DAILY_LIMIT: "the number was asked too often today",
    V.SEGMENT_UNSUPPORTED: "the segment is of no carrier that can be asked",
}
OPERATORS = {
    Operator.MOBILE: "China Mobile",
    Operator.UNICOM: "Unicom",
    Operator.TELECOM: "Telecom",
}


def _noes(answer: type, *more: object) -> tuple[Case, ...]:
    nameless = answer in (StateAnswer, SinceAnswer)  # they are asked without a name
    return tuple(
        says(str(verdict), answer(verdict, *more), told)
        for verdict, told in TOLD.items()
        if not (nameless and verdict is V.BAD_NAME)
    )


NAME = (
    says("same", NameAnswer(V.SAME), "the number is in this name"),
    says("different", NameAnswer(V.DIFFERENT), "the number is in another name"),
    *_noes(NameAnswer),
)
OWNER = (
    *(
        says(f"same_{operator}", OwnerAnswer(V.SAME, operator), f"all agree; served by {name}")
        for operator, name in OPERATORS.items()
    ),
    *(
        says(str(wrong), OwnerAnswer(V.DIFFERENT, Operator.MOBILE, wrong), f"differs: {wrong}")
        for wrong in Mismatch
        if wrong is not Mismatch.NONE
    ),
    *_noes(OwnerAnswer),
)
STATE = (
    *(
        says(state.name.lower(), StateAnswer(V.SAME, state), f"the number is {state.name.lower()}")
        for state in PhoneState
    ),
    *_noes(StateAnswer, PhoneState.UNKNOWN),
)
SINCE = (
    says("new", SinceAnswer(V.SAME, 0, 3), "less than three months on the network"),
    says("months", SinceAnswer(V.SAME, 6, 12), "six to twelve months"),
    says("years", SinceAnswer(V.SAME, 24, None), "two years or more"),
    *_noes(SinceAnswer),
)
