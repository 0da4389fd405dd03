"""A reader of DER (X.690): one encoding for one value, and nothing is forgiven.

A verifier that forgives an odd length or a byte too many lets two files mean one thing. The mocks
write with asn1crypto, so this is also the second witness of what they wrote.
"""

from __future__ import annotations

INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x02, 0x03, 0x04, 0x05, 0x06
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31
CONTEXT_0 = 0xA0  # [0], constructed

SHORT, LENGTH_BYTES_MAX = 0x80, 4


class Malformed(ValueError):
    """Bytes that are no DER, or not of the form that was asked for."""


class Der:
    """Reads a run of values one after another."""

    __slots__ = ("_at", "_bytes", "_end")

    def __init__(self, data: bytes, begin: int = 0, end: int | None = None) -> None:
        self._bytes = data
        self._at = begin
        self._end = len(data) if end is None else end

    @property
    def more(self) -> bool:
        """Whether anything is left."""
        return self._at < self._end

    def sees(self, tag: int) -> bool:
        """Whether the next value has this tag."""
        return self.more and self._bytes[self._at] == tag

    def whole(self, tag: int) -> bytes:
        """Take the next value, which must have this tag; return it with tag and length."""
        begin, (_, end) = self._at, self._measure(tag)
        self._at = end
        return self._bytes[begin:end]

    def content(self, tag: int) -> bytes:
        """Take the next value, which must have this tag; return what is in it."""
        begin, end = self._measure(tag)
        self._at = end
        return self._bytes[begin:end]

    def inside(self, tag: int) -> Der:
        """Take the next value, which must have this tag; return a reader of what is in it."""
        begin, end = self._measure(tag)
        self._at = end
        return Der(self._bytes, begin, end)

    def finish(self) -> None:
        """Require that nothing is left."""
        if self.more:
            raise Malformed(f"{self._end - self._at} bytes too many")

    def integer(self) -> int:
        """Take a whole number, in as few bytes as it needs."""
        content = self.content(INTEGER)
        if not content or (
            len(content) > 1
            and ((content[0] == 0 and content[1] < SHORT) or (content[0] == 0xFF <= content[1]))
        ):
            raise Malformed("a whole number in more bytes than it needs")
        return int.from_bytes(content, "big", signed=True)

    def _measure(self, tag: int) -> tuple[int, int]:
        """Return where the next value's content begins and ends."""
        at, data = self._at, self._bytes
        if at + 2 > self._end:
            raise Malformed("it ends too soon")
        if data[at] != tag:
            raise Malformed(f"tag {data[at]:#04x} where {tag:#04x} belongs")
        length, begin = data[at + 1], at + 2
        if length >= SHORT:
            count = length - SHORT
            if not 1 <= count <= LENGTH_BYTES_MAX or begin + count > self._end:
                raise Malformed("a length that cannot be")
            length = int.from_bytes(data[begin : begin + count], "big")
            begin += count
            if length < SHORT or length < 1 << 8 * (count - 1):
                raise Malformed("a length in more bytes than it needs")
        if begin + length > self._end:
            raise Malformed("it ends too soon")
        return begin, begin + length


def encoded_oid(dotted: str) -> bytes:
    """Return the content of an object identifier."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    out = bytearray()
    for arc in (40 * first + second, *rest):
        digits = [arc & 0x7F]
        while arc := arc >> 7:
            digits.append(arc & 0x7F | SHORT)
        out.extend(reversed(digits))
    return bytes(out)
