"""WeChat's forms: its errcodes with their words, and how the fields of a request must look."""

from __future__ import annotations

import re
from json import dumps
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from mocks.spec import WireError
from mocks.wechat.codes import BLACK, CodeLink, Ink
from mocks.wire import Reply

if TYPE_CHECKING:
    from mocks.wire import Request

JSON = "application/json; charset=UTF-8"
OK: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}
FIELDS_MAX = 50  # of a query string, or of a message's data
HOME = "pages/index/index"
SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]+")
SCENE_MAX = 32
PAGE = re.compile(r"[0-9A-Za-z_\-.]+(?:/[0-9A-Za-z_\-.]+)*")
PAGE_MAX = 128
UNPUBLISHED = "unpublished"
VERSIONS = ("release", "trial", "develop")
WIDTH_PX = (280, 1_280)
TEMPLATE = re.compile(r"[0-9A-Za-z_\-]{1,64}")
STATES = ("developer", "trial", "formal")
LANGUAGES = ("zh_CN", "en_US", "zh_HK", "zh_TW")
# How many characters a template's values may have, by the kind in a field's name (thing1).
VALUE_MAX = {
    "thing": 20,
    "number": 32,
    "letter": 32,
    "symbol": 5,
    "character_string": 32,
    "phone_number": 17,
    "car_number": 8,
    "name": 20,
    "phrase": 5,
}

ERRORS: dict[int, str] = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40014: "invalid access_token",
    40029: "invalid code",
    40037: "invalid template_id",
    40066: "invalid url",
    40097: "invalid args",
    40125: "invalid appsecret",
    40129: "invalid scene",
    40163: "code been used",
    40169: "invalid length for scene, or the data is not json string",
    40226: "code blocked",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41030: "invalid page",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    43101: "user refuse to accept the msg",
    45002: "content size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    47003: "argument invalid!",
    87009: "invalid signature",
}


KINDS = {-1: "5xx", 45009: "quota"}  # what faults of a line are told as


def errors() -> tuple[WireError, ...]:
    """Return every error as a client sees it."""
    return tuple(
        WireError(str(code), 200, words, KINDS.get(code, "")) for code, words in ERRORS.items()
    )


class WeChatError(Exception):
    """An errcode, with words beside those of the table."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


def reply(told: dict[str, Any]) -> Reply:
    """Return an answer as JSON."""
    return Reply(200, dumps(told).encode(), JSON)


def fields_of(query: bytes) -> dict[str, str]:
    """Return the fields of a query string; of one that comes twice, the last."""
    try:
        text = query.decode("latin-1")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX))
    except ValueError:
        raise WeChatError(47001) from None


def document(request: Request, otherwise: int = 47001) -> dict[str, Any]:
    """Return the JSON object in a body, whatever content type it claims to be of."""
    try:
        told = request.json()
        if b"\\u" in request.body:  # an escape may be half a character, which is no text
            dumps(told, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise WeChatError(otherwise) from None
    if not isinstance(told, dict):
        raise WeChatError(otherwise)
    return told


def text_in(told: dict[str, Any], name: str, otherwise: int = 47001) -> str:
    """Return a field that is a text; empty where there is none."""
    value = told.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise WeChatError(otherwise)
    return value


def flag_in(told: dict[str, Any], name: str, default: bool) -> bool:
    """Return a field that is true or false."""
    value = told.get(name, default)
    if not isinstance(value, bool):
        raise WeChatError(47001)
    return value


def choice_in(told: dict[str, Any], name: str, known: tuple[str, ...], otherwise: int) -> str:
    """Return a field that is one of some words, the first of them where it is absent."""
    value = text_in(told, name) or known[0]
    if value not in known:
        raise WeChatError(otherwise, name)
    return value


def page_in(told: dict[str, Any], pages: frozenset[str] | None, check: bool = True) -> str:
    """Return the page that a code or a message leads to; ``check`` that it is published."""
    page = text_in(told, "page", 41030) or HOME
    if len(page) > PAGE_MAX or not PAGE.fullmatch(page):
        raise WeChatError(41030)
    published = page.rpartition("/")[2] != UNPUBLISHED if pages is None else page in pages
    if check and not published:
        raise WeChatError(41030)
    return page


def code_link(told: dict[str, Any], appid: str, pages: frozenset[str] | None) -> CodeLink:
    """Return where a code is to lead."""
    scene = text_in(told, "scene", 40129)
    if not 1 <= len(scene) <= SCENE_MAX:
        raise WeChatError(40169)
    if not SCENE.fullmatch(scene):
        raise WeChatError(40129)
    page = page_in(told, pages, flag_in(told, "check_path", True))
    return CodeLink(appid, page, scene, choice_in(told, "env_version", VERSIONS, 40097))


def ink_in(told: dict[str, Any]) -> Ink:
    """Return how a code is to be drawn; ``auto_color`` chooses black, as WeChat may."""
    width = told.get("width", Ink().width)
    if type(width) is not int or not WIDTH_PX[0] <= width <= WIDTH_PX[1]:
        raise WeChatError(40097, "width")
    colour = told.get("line_color") or {}
    if not isinstance(colour, dict):
        raise WeChatError(40097, "line_color")
    red, green, blue = (_shade(colour.get(name, 0)) for name in "rgb")
    auto = flag_in(told, "auto_color", False)
    hyaline = flag_in(told, "is_hyaline", False)
    return Ink(width, BLACK if auto else (red, green, blue), hyaline)


def _shade(value: object) -> int:
    """Return one part of a colour: 0 to 255, as a number or, as the document shows it, a text."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255):
        raise WeChatError(40097, "line_color")
    return int(text)


def message_fields(told: dict[str, Any]) -> dict[str, str]:
    """Return the values of a message's data by the names of its template's fields."""
    data = told.get("data")
    if not isinstance(data, dict) or not 1 <= len(data) <= FIELDS_MAX:
        raise WeChatError(47003, "data is empty")
    return {name: _value(name, held) for name, held in data.items()}


def _value(name: str, held: object) -> str:
    """Return one value; the words of a refusal name the field as WeChat's do."""
    place = f"data.{name[:32]}.value"
    value = held.get("value") if isinstance(held, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise WeChatError(47003, f"{place} is empty")
    text = str(value)
    kind = name.rstrip("0123456789")
    if kind != name and len(text) > VALUE_MAX.get(kind, len(text)):
        raise WeChatError(47003, f"{place} is too long")
    return text
