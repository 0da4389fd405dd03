"""Canonical bytes and their digests: one way to write a value, and a strict reader of DER."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contract.canonical import WHOLE_MAX, Begun, canonical, digests, parsed, sm3_hex
from core.contract.der import INTEGER, OCTET_STRING, SEQUENCE, Der, Malformed, encoded_oid

texts = st.text(st.characters(exclude_categories=["Cs"]))
keys = st.text(st.characters(max_codepoint=127))
leaves = st.none() | st.booleans() | st.integers(-WHOLE_MAX, WHOLE_MAX) | texts
values = st.recursive(
    leaves, lambda held: st.lists(held) | st.dictionaries(keys, held), max_leaves=12
)


@given(values)
def test_a_value_has_one_canonical_form_that_parses_to_it(value):
    written = canonical(value)

    assert parsed(written) == value
    assert canonical(json.loads(written)) == written


@given(values)
def test_any_other_way_to_write_it_is_no_canonical_form(value):
    loose = json.dumps(value, indent=1).encode()
    if loose == canonical(value):
        return
    with pytest.raises(ValueError, match="not canonical"):
        parsed(loose)


def test_the_escapes_are_those_of_rfc_8785():
    # Section 3.2.2.2 and its example: two-letter escapes where there are, \u00xx for other
    # controls, everything else as it is.
    said = {"string": '\u20ac$\u000f\nA\'B"\\\\"/', "b": "\x7f\u2028"}

    assert canonical(said) == (
        '{"b":"\x7f\u2028","string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'.encode()
    )


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        float("nan"),
        {"rate": 0.07},
        2**53,
        -(2**53),
        {1: "a number for a key"},
        {"键": "no ASCII"},
        ("a", "tuple"),
        "half a pair \ud800",
        b"bytes",
    ],
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(ValueError):  # noqa: PT011  a UnicodeEncodeError has words of its own
        canonical(value)


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"a":1,"a":1}', b'{"a": 1}', b"\xff", b"[" * 100_000, b"1.0", b"-0"]
)
def test_bytes_that_are_not_canonical_are_refused(content):
    with pytest.raises(ValueError):  # noqa: PT011  json and UTF-8 have words of their own
        parsed(content)


# GB/T 32905-2016, appendix A: both of the standard's own examples.
@pytest.mark.parametrize(
    ("said", "digest"),
    [
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_gives_the_standards_own_digests(said, digest):
    assert sm3_hex(said) == digest


@given(st.binary(), st.binary(), st.binary())
def test_texts_that_begin_alike_have_the_digests_of_the_whole(beginning, one, other):
    begun = Begun(beginning)

    assert begun.digests(one) == digests(beginning + one)
    assert begun.digests(other) == digests(beginning + other)


# The reader of DER


@given(st.integers(-(2**70), 2**70))
def test_a_whole_number_is_read(number):
    size = (number.bit_length() if number >= 0 else (number + 1).bit_length()) // 8 + 1
    content = number.to_bytes(size, "big", signed=True)
    reader = Der(bytes((INTEGER, len(content))) + content)

    assert reader.integer() == number
    reader.finish()


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65_535, 65_536])
def test_a_length_of_any_size_is_read(size):
    told = size.to_bytes((size.bit_length() + 7) // 8 or 1, "big")
    length = told if size < 0x80 else bytes((0x80 | len(told),)) + told
    data = bytes((OCTET_STRING,)) + length + b"x" * size

    assert Der(data).content(OCTET_STRING) == b"x" * size
    assert Der(data).whole(OCTET_STRING) == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x04",
        b"\x04\x02x",  # shorter than it says
        b"\x04\x80x\0\0",  # no length
        b"\x04\x81\x01x",  # a short length told long
        b"\x04\x82\x00\x80" + b"x" * 128,  # a leading zero
        b"\x04\x85\x01\0\0\0\0",  # longer than anything here
        b"\x30\x01x",  # another tag
    ],
)
def test_what_is_no_der_is_refused(data):
    with pytest.raises(Malformed):
        Der(data).content(OCTET_STRING)


@pytest.mark.parametrize("content", [b"", b"\0\x01", b"\xff\xff", b"\0\x7f"])
def test_a_whole_number_in_more_bytes_than_it_needs_is_refused(content):
    with pytest.raises(Malformed, match="whole number"):
        Der(bytes((INTEGER, len(content))) + content).integer()


def test_bytes_too_many_are_refused():
    reader = Der(b"\x30\x03\x02\x01\x05\0")
    inside = reader.inside(SEQUENCE)

    assert inside.integer() == 5
    inside.finish()
    with pytest.raises(Malformed, match="1 bytes too many"):
        reader.finish()


@pytest.mark.parametrize(
    ("dotted", "content"),
    [
        ("1.2.840.113549.1.7.2", "2a864886f70d010702"),
        ("2.16.840.1.101.3.4.2.1", "608648016503040201"),
        ("2.999.3161.1", "8837985901"),
    ],
)
def test_an_object_identifier_is_encoded(dotted, content):
    assert encoded_oid(dotted).hex() == content
