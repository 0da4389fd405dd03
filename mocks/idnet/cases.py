"""What a test may have the networking check answer."""

from __future__ import annotations

from core.picture import Picture
from core.ports.idnet import IdAnswer, IdVerdict
from mocks.spec import says

V = IdVerdict
AUTHORITY = "样本县公安局"
CHECK = (
    says(
        "match",
        IdAnswer(V.MATCH, Picture.named("case#idnet"), AUTHORITY),
        "name and number agree; the photo comes along",
    ),
    says("match_no_photo", IdAnswer(V.MATCH_NO_PHOTO, None, AUTHORITY), "they agree; no photo"),
    says("name_differs", IdAnswer(V.NAME_DIFFERS), "the number is another name's"),
    says("no_such_number", IdAnswer(V.NO_SUCH_NUMBER), "the register has no such number"),
    says("other_error", IdAnswer(V.OTHER_ERROR), "the register could not say"),
)
