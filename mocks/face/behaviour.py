"""Face verification: a token, what a phone shows to it, and the result that can be read after.

The comparison is made once, when the phone shows a face; reading the result changes nothing.
Frames are named ``<face>#face/<token>``, photos ``<person key>#<source>``.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, ClassVar

from core.clock import DAY_S
from core.picture import Picture
from core.ports.face import (
    THRESHOLD_CENTI,
    CompareAnswer,
    FaceAnswer,
    FaceVerdict,
    StartAnswer,
)
from core.seed import TRUTH
from mocks import magic
from mocks.face import cases
from mocks.face.likeness import genuine_centi, impostor_centi
from mocks.shelf import let_go
from mocks.spec import Billing, Operation, Scope, on, table

if TYPE_CHECKING:
    from core.identity import IdNumber
    from core.ports.face import CompareQuery, ResultQuery, StartQuery
    from core.ports.people import People, Person
    from core.ports.trace import Trace
    from core.seed import Draws

TOKEN_LIFE_S = 7_200.0
RESULT_LIFE_S = 3 * DAY_S
KNOWN_S = TOKEN_LIFE_S + RESULT_LIFE_S  # then nobody knows that there was such a token (assumed)
PER_MINUTE, PER_DAY = 15, 30  # comparisons of one person (the vendor's table)
TIMES_KEPT = PER_MINUTE + PER_DAY  # of one person: all that a day and a minute can hold
SESSIONS_MAX = PEOPLE_MAX = 100_000  # then the oldest are forgotten

BILLED = on(FaceVerdict.PASSED, FaceVerdict.NAME_MISMATCH, FaceVerdict.BELOW_THRESHOLD)


BILLED_ONCE = Billing(
    f"{BILLED.told}, when it is read first", lambda answer: not answer.again and BILLED(answer)
)


@dataclass(slots=True)
class Session:
    """One token: whom it was opened for, and what was shown to it."""

    name: str
    number: IdNumber
    purpose: str
    opened_s: float
    shown_s: float = 0.0
    answer: FaceAnswer | None = None
    read: bool = False

    def is_gone(self, now_s: float) -> bool:
        """Whether its token is forgotten: its result, if there was one, cannot be read any more."""
        return now_s >= self.opened_s + KNOWN_S


GONE = (FaceVerdict.TOKEN_UNKNOWN, FaceVerdict.TOKEN_EXPIRED)  # nothing is told of them


class Face:
    """The vendor's service, with the authority library behind it."""

    PROVIDER: ClassVar[str] = "face"
    SCOPE: ClassVar[Scope] = "platform"
    OPERATIONS: ClassVar[dict[str, Operation]] = table(
        Operation("start", writes=True, cases=cases.START, magic=magic.id_number()),
        Operation("result", billed=BILLED_ONCE, cases=cases.RESULT),
        Operation("compare", billed=BILLED, cases=cases.COMPARE, magic=magic.picture("photo.ref")),
    )

    def __init__(self, people: People) -> None:
        self._people = people
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        # By ID number: when it was compared.
        self._shown_s: OrderedDict[str, list[float]] = OrderedDict()

    def start(self, trace: Trace, query: StartQuery, now_s: float, draws: Draws) -> StartAnswer:
        """Open a check; the token is the hash of the attempt that asked for it."""
        del draws
        asked = f"{trace.bank}/{trace.application}/{trace.call}/{trace.attempt}"
        text = blake2b(asked.encode(), digest_size=16, person=b"face").hexdigest().upper()
        token = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
        if self._session(token, now_s) is None:
            self._sessions[token] = Session(query.name, query.number, query.purpose, now_s)
            self._sessions.move_to_end(token)
            let_go(self._sessions, SESSIONS_MAX, partial(_is_gone, now_s))
        return StartAnswer(token)

    def start_meant(
        self, trace: Trace, query: StartQuery, now_s: float, draws: Draws, verdict: FaceVerdict
    ) -> StartAnswer:
        """Open a check that has ended already, as it was meant to; no camera is needed."""
        started = self.start(trace, query, now_s, draws)
        session = self._sessions[started.token]
        if session.answer is None:
            session.answer, session.shown_s = self.meant(started.token, verdict), now_s
        return started

    def meant(self, token: str, verdict: FaceVerdict) -> FaceAnswer:
        """Return what is told of a check that ends as it was meant to."""
        session = None if verdict in GONE else self._sessions.get(token)
        number, purpose = (session.number, session.purpose) if session else (None, "")
        score = cases.SCORES_CENTI.get(verdict, 0)
        if not score:
            return FaceAnswer(verdict, number=number, purpose=purpose)
        frame = Picture.named(f"face/case#face/{token}")
        return FaceAnswer(verdict, score, True, frame, number, purpose)

    def show(self, token: str, person: Person, now_s: float, draws: Draws) -> FaceVerdict:
        """Show what comes before this person's camera: done by the phone, once a token."""
        session = self._session(token, now_s)
        if session is None:
            return FaceVerdict.TOKEN_UNKNOWN
        if session.answer is not None:
            return session.answer.verdict
        if now_s >= session.opened_s + TOKEN_LIFE_S:
            return FaceVerdict.TOKEN_EXPIRED
        session.answer = self._judge(session, person, token, now_s, draws)
        session.shown_s = now_s
        return session.answer.verdict

    def result(self, trace: Trace, query: ResultQuery, now_s: float, draws: Draws) -> FaceAnswer:
        """Read how the check behind a token ended."""
        del trace, draws
        session = self._session(query.token, now_s)
        if session is None:
            return FaceAnswer(FaceVerdict.TOKEN_UNKNOWN)
        answer = session.answer
        if answer is not None and now_s < session.shown_s + RESULT_LIFE_S:
            if session.read and not answer.again:
                session.answer = answer = replace(answer, again=True)
            session.read = True
            return answer
        lives = answer is None and now_s < session.opened_s + TOKEN_LIFE_S
        verdict = FaceVerdict.NOT_DONE if lives else FaceVerdict.TOKEN_EXPIRED
        return FaceAnswer(verdict, number=session.number, purpose=session.purpose)

    def compare(
        self, trace: Trace, query: CompareQuery, now_s: float, draws: Draws
    ) -> CompareAnswer:
        """Compare a frame of ours with the bank's own photo of a person."""
        del trace, now_s
        face, _, kind = query.frame.ref.partition("#")
        if not face or not kind.startswith("face/"):
            return CompareAnswer(FaceVerdict.NO_FACE)
        person = self._people.by_key(query.photo.ref.partition("#")[0])
        if person is None:
            return CompareAnswer(FaceVerdict.NO_PHOTO)
        verdict, score = _score(face, person, draws)
        return CompareAnswer(verdict, score)

    def _session(self, token: str, now_s: float) -> Session | None:
        """Return what is known of a token now."""
        session = self._sessions.get(token)
        return None if session is None or session.is_gone(now_s) else session

    def _judge(
        self, session: Session, person: Person, token: str, now_s: float, draws: Draws
    ) -> FaceAnswer:
        """Compare what is shown with the library's photo of whom the token names."""
        number, purpose = session.number, session.purpose
        face, live = person.shown_face, person.live
        if not self._count(number.text, now_s):
            return FaceAnswer(FaceVerdict.TOO_OFTEN, number=number, purpose=purpose)
        if not face:
            return FaceAnswer(FaceVerdict.NO_FACE, number=number, purpose=purpose)
        frame = Picture.named(f"{face}#face/{token}")
        holder = self._people.by_number(number) if live else None
        score = 0
        if not live:
            verdict = FaceVerdict.NOT_LIVE
        elif holder is None or not holder.in_register:
            verdict = FaceVerdict.NO_PHOTO
        elif holder.register_name != session.name:
            verdict = FaceVerdict.NAME_MISMATCH
        elif not holder.library_photo:
            verdict = FaceVerdict.NO_PHOTO
        else:
            verdict, score = _score(face, holder, draws)
        return FaceAnswer(verdict, score, live, frame, number, purpose)

    def _count(self, number: str, now_s: float) -> bool:
        """Count one comparison of a person, unless the minute or the day is full."""
        times = self._shown_s.get(number)
        if times is None:
            let_go(self._shown_s, PEOPLE_MAX, partial(_is_over, now_s))
            times = self._shown_s[number] = []
        self._shown_s.move_to_end(number)
        del times[:-TIMES_KEPT]
        if len(times) < PER_MINUTE:  # the fewer of the two: neither can be full
            times.append(now_s)
            return True
        day = now_s // DAY_S
        if sum([time // DAY_S == day for time in times]) >= PER_DAY:
            return False
        if sum([now_s - 60.0 < time <= now_s for time in times]) >= PER_MINUTE:
            return False
        times.append(now_s)
        return True


def _is_gone(now_s: float, token: str, session: Session) -> bool:
    del token
    return session.is_gone(now_s)


def _is_over(now_s: float, number: str, times: list[float]) -> bool:
    """Whether a person's comparisons count neither today nor in this minute."""
    del number
    return times[-1] < min(now_s - 60.0, now_s // DAY_S * DAY_S)


def _score(face: str, holder: Person, draws: Draws) -> tuple[FaceVerdict, int]:
    """Return verdict and similarity of a live face against the photo of ``holder``."""
    draw = draws.uniform(TRUTH)
    own = face == holder.face
    score = genuine_centi(holder.likeness_ppm, draw) if own else impostor_centi(draw)
    passed = score >= THRESHOLD_CENTI
    return (FaceVerdict.PASSED if passed else FaceVerdict.BELOW_THRESHOLD), score
