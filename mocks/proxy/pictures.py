"""Pictures in the place of markers: a recording keeps none, and whoever reads one wants some."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from core.picture import stand_in
from mocks.proxy.masks import MARK, Marker

if TYPE_CHECKING:
    import re

    from mocks.proxy.bodies import Body


def pictured(body: Body) -> Body:
    """Return a body with a picture of one pixel for each that was not kept."""
    if body.form == "bytes":
        marker = Marker.read(body.value) if isinstance(body.value, str) else None
        return body._replace(value=_picture(marker) if marker else b"")
    if body.form == "json":
        return body._replace(value=_pictured(body.value))
    if body.form in ("xml", "text"):
        return body._replace(value=_in_text(body.value))
    if body.form == "form":
        return body._replace(value=[(name, _in_text(value)) for name, value in body.value])
    if body.form == "multipart":
        parts = [part._replace(body=pictured(part.body)) for part in body.value]
        return body._replace(value=parts)
    return body


def _pictured(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _pictured(held) for name, held in value.items()}
    if isinstance(value, list):
        return [_pictured(each) for each in value]
    return _in_text(value) if isinstance(value, str) else value


def _in_text(text: str) -> str:
    """Return a text with Base64 for whatever markers are in it."""
    return MARK.sub(_encoded, text)


def _encoded(found: re.Match[str]) -> str:
    marker = Marker.read(found[0])
    assert marker is not None
    told = b64encode(_picture(marker)).decode()
    return f"data:{marker.media};base64,{told}" if marker.as_url else told


def _picture(marker: Marker) -> bytes:
    """Return what stands in: a PNG that carries the digest; of other files, the marker's text."""
    if marker.media.startswith("image/"):
        return stand_in(f"recorded/{marker.digest}")
    return str(marker).encode()
