"""What an action of Tencent Cloud is given: its parameters, read as the vendor's tables say.

A parameter comes as JSON, or flattened (``Encryption.EncryptList.0``) in a query string or a form.
Either way it is held against a table of fields: a name that is not in it, a type or a value that
cannot be, and a name that is missing are the vendor's common errors (InvalidParameter,
InvalidParameterValue, MissingParameter, UnknownParameter).

Source: Tencent Cloud, common request structure and common error codes; the fields of an action are
those of the vendor's machine-readable interface description.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from mocks.spec import WireError

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["string", "bool", "int", "uint", "strings", "object", "objects"]

TYPES: dict[Kind, type] = {
    "string": str,
    "bool": bool,
    "int": int,
    "uint": int,
    "strings": list,
    "object": dict,
    "objects": list,
}
INT_MAX, UINT_MAX = 2**63 - 1, 2**64 - 1
DEPTH_MAX = 4  # of a flattened name; the deepest documented one has three dots
TRUTHS = {"true": True, "1": True, "false": False, "0": False}


ERRORS = (
    WireError("AuthFailure.InvalidAuthorization", 200, "it is not signed, or not in a known form"),
    WireError("AuthFailure.SecretIdNotFound", 200, "no tenant has this SecretId"),
    WireError("AuthFailure.SignatureExpire", 200, "the timestamp is five minutes away, or more"),
    WireError("AuthFailure.SignatureFailure", 200, "it is not signed with the key of the SecretId"),
    WireError("AuthFailure.TokenFailure", 200, "the token is not the one of the SecretId"),
    WireError("InternalError", 200, "the service failed; whether it acted is not known", "5xx"),
    WireError("InvalidAction", 200, "the version has no such action"),
    WireError("InvalidParameter", 200, "a parameter's type is another, or the body is no JSON"),
    WireError("InvalidParameterValue", 200, "a parameter has no such value"),
    WireError("InvalidRequest", 200, "another path than /, or another content type than JSON"),
    WireError("MissingParameter", 200, "a header or a parameter is missing"),
    WireError("NoSuchProduct", 200, "there is no such product"),
    WireError("NoSuchVersion", 200, "the product has another version"),
    WireError("RequestLimitExceeded", 200, "the action is called too often a second", "quota"),
    WireError("RequestSizeLimitExceeded", 200, "a query or a body is too long"),
    WireError("UnknownParameter", 200, "the action has no such parameter"),
    WireError("UnsupportedOperation", 200, "another method than GET and POST"),
)
"""What any action may be refused with, before it looks at what it is asked; no code but these."""


class VendorError(Exception):
    """An error in the vendor's words: a code that clients know, and a message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class Field(NamedTuple):
    """One documented parameter. ``longest``: characters or items; ``each``: of each item."""

    name: str
    kind: Kind = "string"
    required: bool = False
    longest: int = 0
    each: int = 0
    choices: tuple[str | int, ...] = ()
    fields: Fields | None = None
    refused: str = "InvalidParameterValue"  # the code for a value that is none of the choices


class Fields:
    """The parameters of an action, or of an object inside them."""

    __slots__ = ("by_name", "plain", "required")

    def __init__(self, *fields: Field) -> None:
        self.by_name = {field.name: field for field in fields}
        # Of these, any text is taken as it is: most of what comes.
        self.plain = frozenset(
            field.name
            for field in fields
            if field.kind == "string" and not field.longest and not field.choices
        )
        self.required = tuple(field.name for field in fields if field.required)


def read(fields: Fields, given: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Return the parameters that were given and are documented; null is as good as absent.

    Raises:
        VendorError: one of the four common errors of parameters.
    """
    values, by_name, plain = {}, fields.by_name, fields.plain
    for name, value in given.items():
        if name in plain and type(value) is str:
            if not value.isascii():
                _require_text(value, where + name, 0)
            values[name] = value
            continue
        known = by_name.get(name)
        if known is None:
            raise VendorError("UnknownParameter", f"The parameter `{where}{name:.60}` is unknown.")
        if value is not None:
            values[name] = _value(known, value, where + name)
    for name in fields.required:
        if name not in values:
            raise VendorError("MissingParameter", f"The parameter `{where}{name}` is missing.")
    return values


def _value(known: Field, given: Any, where: str) -> Any:
    kind, value = known.kind, given
    if type(given) is not TYPES[kind]:  # a truth is no number here
        raise VendorError("InvalidParameter", f"The parameter `{where}` is no {kind}.")
    if kind == "string":
        _require_text(value, where, known.longest)
    elif kind == "int" and not -INT_MAX <= value <= INT_MAX:
        raise VendorError("InvalidParameter", f"The parameter `{where}` is too large.")
    elif kind == "uint" and not 0 <= value <= UINT_MAX:
        raise VendorError("InvalidParameter", f"The parameter `{where}` is no unsigned integer.")
    elif kind == "object":
        assert known.fields is not None
        return read(known.fields, value, f"{where}.")
    elif kind in ("strings", "objects"):
        return _items(known, value, where)
    if known.choices and value not in known.choices:
        raise VendorError(known.refused, f"The parameter `{where}` has no such value.")
    return value


def _items(known: Field, items: list[Any], where: str) -> list[Any]:
    if known.longest and len(items) > known.longest:
        problem = f"The parameter `{where}` has more than {known.longest} items."
        raise VendorError("InvalidParameterValue", problem)
    item = Field("", "string", longest=known.each)
    if known.kind == "objects":
        item = Field("", "object", fields=known.fields)
    return [_value(item, value, f"{where}.{place}") for place, value in enumerate(items)]


def _require_text(text: str, where: str, longest: int) -> None:
    if longest and len(text) > longest:
        problem = f"The parameter `{where}` is longer than {longest} characters."
        raise VendorError("InvalidParameterValue", problem)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which JSON can write
            raise VendorError("InvalidParameter", f"`{where}` is no text in UTF-8.") from None


def unfold(fields: Fields, flat: Mapping[str, str]) -> dict[str, Any]:
    """Return flattened parameters as JSON would have brought them.

    Raises:
        VendorError: two names contradict each other, or one is absurdly deep.
    """
    tree: dict[str, Any] = {}
    for name, text in flat.items():
        *path, last = name.split(".", DEPTH_MAX)
        node = tree
        for step in path:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise VendorError("InvalidParameter", f"The parameter `{name}` is two things.")
        if last in node or "." in last:
            raise VendorError("InvalidParameter", f"The parameter `{name}` is two things.")
        node[last] = text
    return _typed(fields, tree)


def _typed(fields: Fields, tree: dict[str, Any]) -> dict[str, Any]:
    """Turn text into what the table says; what cannot be turned stays, and is refused later."""
    known = fields.by_name
    return {
        name: _turned(known[name], node) if name in known else node for name, node in tree.items()
    }


def _turned(known: Field, node: Any) -> Any:
    if isinstance(node, str):
        return _from_text(known.kind, node)
    if known.kind == "object" and known.fields is not None:
        return _typed(known.fields, node)
    if known.kind in ("strings", "objects") and all(_is_place(key) for key in node):
        items = [node[key] for key in sorted(node, key=int)]
        fields = known.fields
        if fields is None:
            return items
        return [_typed(fields, item) if isinstance(item, dict) else item for item in items]
    return node


def _from_text(kind: Kind, text: str) -> Any:
    if kind == "bool":
        return TRUTHS.get(text.lower(), text)
    digits = text.removeprefix("-")
    is_int = digits.isascii() and digits.isdigit() and len(digits) <= 20
    return int(text) if is_int and kind in ("int", "uint") else text


def _is_place(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= 4
