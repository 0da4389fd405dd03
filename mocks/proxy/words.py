"""What a recording may keep as it is: names of fields, codes, and a few words that are nobody's.

Everything else is replaced, whatever it is. So what is read here decides what survives, and a text
survives only if it looks like a word of a protocol: letters that somebody could pronounce, with
five digits at most. Neither a number of a person nor a token does.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

DIGITS_MAX = 5  # in a word: fewer than any number of a person has, and than a code sent by message
LETTERS_MAX = 64
SHORT = 4  # a run of letters up to here is not looked into
CAPITALS_MAX = 12  # GMSFHM and its like: tags are abbreviations
PIECE_MIN = 2.5  # mean length of the parts of a CamelCase word; in random letters it is 2

_FORM = re.compile(r"[A-Za-z0-9]+(?:[._:/#-]+[A-Za-z0-9]+)*")
_JOINTS = re.compile(r"[._:/#-]+")
_SEGMENT = re.compile(r"[A-Za-z]+\d{0,5}[A-Za-z]{0,16}|\d{1,4}[A-Za-z]{0,12}")
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_UNSPEAKABLE = re.compile(r"[bcdfghjklmnpqrstvwxz]{6,}")
_SMALL = re.compile(r"-?\d{1,5}")
_VERSION = re.compile(r"20[1-9]\d-\d\d-\d\d")  # a vendor's version is often a date


def listed(text: str) -> tuple[str, ...]:
    """Return the words of a text: a long list, fit to be read."""
    return tuple(text.split())


# The last word of a field's name says that its value is a code, not somebody's.
CODED = frozenset(
    listed(
        "code type side status state kind mode lang language version class level result verdict"
        " decision schema action method format currency direction stage outcome scheme algorithm"
        " purpose reason unit scope flag act warn warns warnings found operator operation point"
        " use errcode retcode errorcode resultcode returncode statuscode respcode subcode bizcode"
        " checkresult granttype infotype event trigger"
    )
)
CODED_WHOLE = frozenset(listed("msgno warninfos datasets"))
# Though their names end like codes, what they hold is a secret or says where somebody lives.
NO_CODES = listed(
    "smscode verifycode verificationcode authcode authorizationcode jscode logincode phonecode"
    " captchacode pincode passcode securitycode invitecode zipcode postcode postalcode areacode"
    " creditcode idcode"
)

# Values that are kept in every field: answers and marks, never a person. A day that never comes
# says that something has no end.
KEPT = frozenset(
    (
        "",
        *listed("true false null True False 0 1 2 3 4 5 6 7 8 9 100 9999-12-31 99991231"),
        *listed("男 女 是 否 有 无 成功 失败 一致 不一致 正常 异常 长期"),
    )
)
# Names of fields in Chinese.
LABELS = frozenset(
    listed(
        "姓名 名称 性别 民族 出生 出生日期 生日 年龄 住址 地址 证件类型 证件号 证件号码 身份证"
        " 身份证号 身份证号码 公民身份号码 手机 手机号 手机号码 电话 卡号 账号 户名 银行 签发机关"
        " 有效期 有效期限 结果 状态 代码 描述 消息 备注 编号 类型 日期 时间 金额 余额 签名 密钥"
        " 照片 图片"
    )
)


@lru_cache(maxsize=16_384)
def is_word(text: str) -> bool:
    """Whether a text reads like a word of a protocol: ``IDCardOCR``, ``x-tc-action``, ``v1.0``."""
    if len(text) > LETTERS_MAX + 32 or not _FORM.fullmatch(text):
        return False
    if sum(each.isdigit() for each in text) > DIGITS_MAX:
        return False
    if sum(each.isalpha() for each in text) > LETTERS_MAX:
        return False
    segments = _JOINTS.split(text)
    return all(_SEGMENT.fullmatch(each) for each in segments) and all(
        _pronounceable(run) for each in segments for run in re.findall(r"[A-Za-z]+", each)
    )


def _pronounceable(run: str) -> bool:
    if len(run) <= SHORT:
        return True
    if run.isupper():
        return len(run) <= CAPITALS_MAX or not _UNSPEAKABLE.search(run.lower())
    pieces = _PIECE.findall(run)
    if len(run) / len(pieces) < PIECE_MIN:
        return False
    return not any(_UNSPEAKABLE.search(each.lower()) for each in pieces if not each.isupper())


def is_codelike(text: str) -> bool:
    """Whether a text would be kept in a field that holds codes."""
    return is_word(text) or bool(_SMALL.fullmatch(text))


def plain_name(name: str) -> str:
    """Return a field's name without its case and its joints: ``Err-Code`` is ``errcode``."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


class Words(NamedTuple):
    """Which values are kept; ``more`` are names of fields (plain) that hold codes as well."""

    more: frozenset[str] = frozenset()

    def coded(self, name: str) -> bool:
        """Whether the values of a field are codes."""
        plain = plain_name(name)
        if plain in self.more:
            return True
        if plain.endswith(NO_CODES):
            return False
        if plain in CODED_WHOLE:
            return True
        pieces = _PIECE.findall(name)
        return bool(pieces) and pieces[-1].lower() in CODED

    def keeps(self, name: str, text: str) -> bool:
        """Whether a text in a field of that name is kept as it is."""
        if text in KEPT:
            return True
        if not self.coded(name):
            return False
        return is_codelike(text) or bool(
            plain_name(name).endswith("version") and _VERSION.fullmatch(text)
        )

    def keeps_number(self, name: str, number: float) -> bool:
        """Whether a number in a field of that name is kept: a code, a flag, a whole share."""
        if abs(number) >= 10**DIGITS_MAX or number != int(number):
            return False
        return abs(number) <= 9 or number == 100 or self.coded(name)


def keeps_key(name: str) -> bool:
    """Whether a field's own name is kept: it may be a value in disguise."""
    return is_word(name.lstrip("_@$:")) or name in LABELS
