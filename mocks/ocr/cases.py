"""What a test may have the reader see on a picture."""

from __future__ import annotations

from core.ports.ocr import CardBack, CardFront, Licence, Reading, Warn
from mocks import magic
from mocks.spec import Case, says

TOLD = {
    Reading.NO_CARD: "there is none on the picture",
    Reading.WRONG_SIDE: "it shows the other side",
    Reading.BLURRED: "it is blurred",
    Reading.NOT_A_PICTURE: "the bytes are no picture",
    Reading.TOO_LARGE: "the picture is too large",
    Reading.SEVERAL_CARDS: "there are several on the picture",
}
R = Reading.READ
NUMBER = magic.id_number().write(999, "")
CODE = magic.credit_code("").write(99, "")
ADDRESS = "样本省样本县样本路1号"
FACE = ("样本甲", "男", "汉", "1990/1/1", ADDRESS, NUMBER, "case#portrait")
BACK = ("样本县公安局", "2015.01.01-2035.01.01")
SHOP = ("样本县样本面馆", "个体工商户", "样本甲", "", ADDRESS, "餐饮服务", "个人经营")


def _noes(answer: type) -> tuple[Case, ...]:
    return tuple([says(str(reading), answer(reading), told) for reading, told in TOLD.items()])


def _warned(answer: type, read: tuple[str, ...]) -> tuple[Case, ...]:
    return tuple(
        [
            says(f"read_{warn.name.lower()}", answer(R, *read, (warn,), 80), f"read; {warn.name}")
            for warn in Warn
        ]
    )


FRONT = (
    says("read", CardFront(R, *FACE, (), 95), f"a specimen of division {magic.REGION} is read"),
    *_warned(CardFront, FACE),
    *_noes(CardFront),
)
BACK_SIDE = (
    says("read", CardBack(R, *BACK, (), 95), "valid until 2035"),
    says("read_expired", CardBack(R, BACK[0], "1999.01.01-2019.01.01", (), 95), "it has expired"),
    says(
        "read_long_term", CardBack(R, BACK[0], "2015.01.01-长期", (), 95), "valid for a long term"
    ),
    *_warned(CardBack, BACK),
    *_noes(CardBack),
)
LICENCE = (
    says("read", Licence(R, CODE, *SHOP, "2018/5/4"), "a specimen of a licence is read"),
    *_noes(Licence),
)
