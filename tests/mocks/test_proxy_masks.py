"""What a recording keeps: nothing of anybody, whatever it was wrapped in, and one mask a value."""

from __future__ import annotations

import gzip
import json
import string
from base64 import b64encode
from datetime import date
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.identity import PROVINCES, CardNumber, IdNumber, UnifiedCreditCode
from mocks.proxy.exchange import ANSWERED, Answer, Asked, Exchange, Reply, Request
from mocks.proxy.masking import Masker
from mocks.proxy.masks import MARK, PHONE_BLOCKS, PREFIXES, Pseudonyms
from mocks.proxy.recorder import line_of
from mocks.proxy.words import Words
from scenarios.population.plan import BLOCKS
from tests.mocks.proxy_kit import KEY

MASKER = Masker(Pseudonyms(KEY), Words())
JSON = (b"content-type", b"application/json")
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256))

# People, all invented: divisions of existing provinces, blocks of real carriers.

FAMILY, GIVEN = "王李张刘陈杨赵黄周吴", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平"


def numbered(province, place, day, order):
    first17 = f"{province}{place:04d}{day:%Y%m%d}{order:03d}"
    return first17 + IdNumber.check_digit(first17)


def luhn(body):
    doubled = [2 * int(each) for each in body[::-1][::2]]
    total = sum(each // 10 + each % 10 for each in doubled) + sum(map(int, body[::-1][1::2]))
    return str(-total % 10)


ids = st.builds(
    numbered,
    st.sampled_from(sorted(PROVINCES)),
    st.integers(1, 6499),
    st.dates(date(1940, 1, 1), date(2007, 12, 31)),
    st.integers(1, 995),
)
phones = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
names = st.builds(
    lambda family, given: family + given,
    st.sampled_from(FAMILY),
    st.text(GIVEN, min_size=1, max_size=3),
)
cards = st.from_regex(r"9000[0-9]{11,14}", fullmatch=True).map(lambda body: body + luhn(body))
# Six digits and more: no word of a protocol has so many.
tokens = st.builds(
    lambda letters, digits: "".join(a + b for a, b in zip(letters, digits, strict=True)),
    st.text(string.ascii_letters, min_size=12, max_size=12),
    st.text(string.digits, min_size=12, max_size=12),
)
pictures = st.builds(
    lambda tail: b64encode(JPEG + tail).decode(), st.binary(min_size=8, max_size=64)
)
personal = st.one_of(ids, phones, names, cards, tokens, pictures)
fields = st.sampled_from(
    ("Name", "IdCard", "phone", "code", "type", "state", "value", "Result", "姓名", "extra", "Data")
)
filling = st.sampled_from((None, True, 0, 7, "", "ok", "a b", "备注", 3.5))


@st.composite
def trees(draw, depth=4):
    """Draw a JSON tree and the values of people in it."""
    kind = draw(st.sampled_from(("value", "text", "key", "object", "array", "json")))
    if depth == 0 or kind == "value":
        value = draw(personal)
        return value, [value]
    if kind == "text":
        value = draw(personal)
        return f"客户 {value}，已登记", [value]
    if kind == "key":
        value = draw(personal)
        return {value: draw(filling)}, [value]
    parts = draw(st.lists(trees(depth - 1), min_size=1, max_size=3))
    held = [value for _, values in parts for value in values]
    told = [each for each, _ in parts]
    if kind == "array":
        return [*told, draw(filling)], held
    if kind == "json":
        return json.dumps(told, ensure_ascii=draw(st.booleans())), held
    return {f"{draw(fields)}{n}": each for n, each in enumerate(told)}, held


def line(request, reply=None):
    """Return the line that is written of a request."""
    answer = None if reply is None else MASKER.reply(Reply.of(reply))
    told = MASKER.request(Request.of(request))
    return line_of(Exchange(1, told, ANSWERED, "", 1.0, answer))


def posted(body, *headers, target=b"/v1/check"):
    return Asked("POST", target, list(headers), body)


def require_nothing_of(values, told):
    plain = json.dumps(json.loads(told), ensure_ascii=False)  # whatever was escaped in the file
    for value in values:
        for form in {value, quote(value), value.lower(), json.dumps(value)[1:-1]}:
            assert form not in plain, form


@given(trees())
def test_no_value_survives_in_json_however_it_is_nested(drawn):
    tree, held = drawn

    for ascii_ in (True, False):
        body = json.dumps(tree, ensure_ascii=ascii_).encode()
        require_nothing_of(held, line(posted(body, JSON), Answer(200, [JSON], body)))


@given(trees(), st.sampled_from(("text/plain", "", "application/x-www-form-urlencoded")))
def test_a_header_that_lies_about_a_body_saves_no_value(drawn, media):
    tree, held = drawn
    body = json.dumps(tree, ensure_ascii=False).encode("gb18030")

    require_nothing_of(held, line(posted(body, (b"content-type", media.encode()))))


@given(trees())
def test_no_value_survives_in_what_was_packed(drawn):
    tree, held = drawn
    body = json.dumps(tree).encode()

    packed = posted(gzip.compress(body), JSON, (b"content-encoding", b"gzip"))
    require_nothing_of(held, line(packed))
    lied = posted(gzip.compress(body), JSON, (b"content-encoding", b"br"))
    require_nothing_of(held, line(lied))


@given(st.lists(st.tuples(fields, personal), min_size=1, max_size=4))
def test_no_value_survives_in_a_form_a_query_a_path_or_a_header(pairs):
    held = [value for _, value in pairs]
    form = urlencode(pairs).encode()
    path = b"".join(b"/" + quote(value, safe="").encode() for value in held)
    headers = [(f"x-{n}".encode(), value.encode()) for n, value in enumerate(held)]
    authorization = (b"authorization", f"Bearer {held[0]}".encode())

    require_nothing_of(held, line(posted(form)))
    require_nothing_of(held, line(Asked("GET", path + b"?" + form, [], b"")))
    require_nothing_of(held, line(posted(b"", *headers, authorization)))
    require_nothing_of(held, line(posted(b"", (b"cookie", form)), Answer(200, headers, form)))


@given(st.lists(st.tuples(st.sampled_from(("Name", "code", "a")), personal), min_size=1))
def test_no_value_survives_in_xml(pairs):
    held = [value for _, value in pairs]
    inner = "".join(
        f'<{name} note="{escape(value)}">{escape(value)}<b/>{escape(value)}</{name}>'
        for name, value in pairs
    )
    plain = f"<!-- {held[0]} --><m>{inner}</m>"
    for text in (plain, f'<!DOCTYPE m [<!ENTITY e "{escape(held[0])}">]>{plain}'):
        require_nothing_of(held, line(posted(text.encode())))
        declared = f'<?xml version="1.0" encoding="GBK"?>{plain}'
        require_nothing_of(held, line(posted(declared.encode("gb18030"))))


@given(personal, personal)
def test_no_value_survives_in_parts(value, other):
    told = (
        f'--xyz\r\nContent-Disposition: form-data; name="name"\r\n\r\n{value}\r\n'
        f'--xyz\r\nContent-Disposition: form-data; name="picture"; filename="{other}.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    body = told.encode() + JPEG + b"\r\n--xyz--\r\n"
    media = (b"content-type", b"multipart/form-data; boundary=xyz")
    kept = line(posted(body, media))

    require_nothing_of([value, other], kept)
    parts = json.loads(kept)["request"]["body"]["value"]
    assert [part["name"] for part in parts] == ["name", "picture"]
    assert MARK.fullmatch(parts[1]["body"]["value"])[1] == "image/jpeg"


@given(st.binary(max_size=200), personal)
def test_bytes_of_any_kind_are_kept_by_their_size_alone(noise, value):
    kept = line(posted(JPEG + noise + value.encode()))

    require_nothing_of([value], kept)
    assert MARK.fullmatch(json.loads(kept)["request"]["body"]["value"])


@given(st.binary(max_size=300), st.binary(max_size=60))
def test_whatever_comes_can_be_kept(body, header):
    headers = [(b"content-type", header), (b"x-any", header)]
    kept = json.loads(line(Asked("POST", b"/" + quote(header).encode(), headers, body)))

    request = Request.from_json(kept["request"])
    assert json.loads(json.dumps(request.as_json())) == kept["request"]


# Masks


def masked(value):
    """Return the mask of a value, as it stands in a JSON body."""
    told = json.loads(line(posted(json.dumps({"Value": value}).encode())))
    return told["request"]["body"]["value"]["Value"]


@given(ids)
def test_the_mask_of_an_id_number_is_one_of_a_place_that_is_none(value):
    mask = masked(value)

    assert mask != value
    IdNumber(mask)
    assert mask[:2] in PROVINCES
    assert 65 <= int(mask[2:4]) <= 69


@given(ids, st.dates(date(1940, 1, 1), date(2007, 12, 31)))
def test_an_id_number_is_born_when_its_own_birthday_says(value, day):
    born = f"{value[6:10]}-{value[10:12]}-{value[12:14]}"

    assert masked(value)[6:14] == masked(born).replace("-", "")
    assert date.fromisoformat(masked(f"{day}")) != day


@given(phones)
def test_the_mask_of_a_phone_lies_in_an_invented_block(value):
    assert masked(value)[:7] in PREFIXES
    assert masked(f"+86 {value}") == f"+86 {masked(value)}"
    assert str(masked(int(value))) == masked(value)


@given(cards)
def test_the_mask_of_a_card_has_its_length_luhns_digit_and_an_invented_issuer(value):
    mask = masked(value)

    assert CardNumber(mask).text.startswith("629")
    assert len(mask) == len(value)


@given(names)
def test_the_mask_of_a_name_reads_as_one_and_is_nobodys(value):
    mask = masked(value)

    assert mask[0] == "样"
    assert len(mask) == 4
    assert not set(mask) & set(value)


def test_the_mask_of_a_credit_code_is_one():
    code = UnifiedCreditCode.make("91", "320100", "MA1ABCDE").text

    assert UnifiedCreditCode(masked(code)).text != code
    assert masked(code)[:2] == "91"


@given(personal)
def test_one_value_has_one_mask_wherever_it_stands(value):
    mask = masked(value)
    inner = json.dumps({"Value": value}, ensure_ascii=False)
    body = json.dumps({"Other": [value], "In": inner}).encode()
    kept = json.loads(
        line(
            Asked("POST", b"/x?" + urlencode({"q": value}).encode(), [], body),
            Answer(200, [(b"x-echo", value.encode())], urlencode({"Value": value}).encode()),
        )
    )

    assert kept["request"]["query"] == [["q", mask]]
    assert kept["request"]["body"]["value"]["Other"] == [mask]
    assert json.loads(kept["request"]["body"]["value"]["In"]) == {"Value": mask}
    assert kept["answer"]["headers"] == [["x-echo", mask]]
    assert kept["answer"]["body"]["value"] == [["Value", mask]]


@given(st.lists(ids, min_size=2, max_size=20, unique=True))
def test_two_id_numbers_have_two_masks(values):
    assert len({masked(value) for value in values}) == len(values)


@given(personal)
def test_another_key_makes_another_mask(value):
    other = Pseudonyms(bytes(32))

    assert other.of("", value) != Pseudonyms(KEY).of("", value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Code", "ResourceNotFound.NoSuchPerson"),
        ("errcode", 40029),
        ("Result", "-1"),
        ("CardSide", "FRONT"),
        ("success", True),
        ("Sex", "男"),
        ("state", "正常"),
    ],
)
def test_codes_and_flags_are_kept_as_they_are(name, value):
    body = json.dumps({name: value}).encode()

    assert json.loads(line(posted(body)))["request"]["body"]["value"] == {name: value}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("smsCode", "1234"),
        ("verify_code", "12345"),
        ("js_code", "word"),
        ("zipcode", "210000"),
        ("Amount", 123_456),
        ("Address", "江苏省测试县一号"),
        ("Message", "zhang san"),
    ],
)
def test_what_only_looks_like_a_code_is_masked(name, value):
    body = json.dumps({name: value}).encode()

    assert json.loads(line(posted(body)))["request"]["body"]["value"][name] != value


def test_the_blocks_of_masked_phones_are_the_populations():
    assert BLOCKS["mobile"] == PHONE_BLOCKS
