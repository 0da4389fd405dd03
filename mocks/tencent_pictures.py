"""Pictures in a request: Base64 within a limit, in a format that is read; never fetched by address.

Every product has its own limits and its own codes for what is wrong with a picture.
"""

from __future__ import annotations

import binascii
from base64 import b64encode
from typing import TYPE_CHECKING, NamedTuple

from core.errors import InputError
from core.picture import Picture
from mocks.tencent_request import VendorError

if TYPE_CHECKING:
    from mocks.tencent_call import Call

MIB = 1024 * 1024
JPEG_PNG = frozenset({"image/jpeg", "image/png"})
JPEG_PNG_BMP = JPEG_PNG | {"image/bmp"}


class Rules(NamedTuple):
    """What one action takes. ``longest`` is in characters of Base64."""

    longest: int
    media: frozenset[str] = JPEG_PNG
    too_large: str = "FailedOperation.ImageSizeTooLarge"
    unreadable: str = "FailedOperation.ImageDecodeFailed"
    empty: str = "FailedOperation.EmptyImageError"
    not_fetched: str = "FailedOperation.DownLoadError"
    url_first: bool = True  # where both an address and Base64 are given
    bills_empty: bool = False


def picture_in(call: Call, rules: Rules, name: str = "ImageBase64", url: str = "") -> Picture:
    """Return the picture of a request; ``url`` names the parameter with its address.

    Which code the vendor gives where neither is there is not documented: MissingParameter here.

    Raises:
        VendorError: there is none, or it is not what the action takes.
    """
    text, address = call.values.get(name), call.values.get(url)
    if address and (rules.url_first or not text):
        # The mocks reach for nothing outside: an address is a picture that cannot be had.
        raise VendorError(rules.not_fetched, "The picture cannot be downloaded from here.")
    if text is None:
        raise VendorError("MissingParameter", f"The parameter `{name}` is missing.")
    if not text:
        if rules.bills_empty:
            call.bill()
        raise VendorError(rules.empty, "The picture is empty.")
    return _decoded(text, rules)


def _decoded(text: str, rules: Rules) -> Picture:
    content = bytes_in(text, rules)
    try:
        picture = Picture.read(content)
    except InputError:
        raise VendorError(rules.unreadable, "The picture cannot be decoded.") from None
    if picture.media not in rules.media:
        raise VendorError(rules.unreadable, f"A picture in {picture.media} is not read here.")
    return picture


def bytes_in(text: str, rules: Rules) -> bytes:
    """Return what is written in Base64 (RFC 4648, with padding).

    Raises:
        VendorError: it is too long, or no Base64.
    """
    if len(text) > rules.longest:
        raise VendorError(rules.too_large, f"Base64 of at most {rules.longest:,} characters.")
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # characters outside ASCII too
        raise VendorError(rules.unreadable, "It is not written in Base64.") from None


def base64_of(picture: Picture | None) -> str:
    """Return a picture in Base64; empty where there is none."""
    return b64encode(picture.content).decode() if picture else ""
