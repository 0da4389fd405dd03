"""Tencent Cloud's front: who may ask, how it is signed, and that every answer has one form."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.faceid.v20180301 import faceid_client_async
from tencentcloud.faceid.v20180301.faceid_client import FaceidClient
from tencentcloud.faceid.v20180301.models import CheckPhoneAndNameRequest, PhoneVerificationRequest

from core.errors import QuotaExceeded, ServerFailed, TimedOut
from mocks.tenant import NoAnswer
from mocks.tencent import PRODUCTS, QUOTAS, TencentFace
from mocks.tencent_call import Office
from mocks.tencent_limits import Bucket, Tally
from mocks.tencent_request import Field, Fields, VendorError, read, unfold
from mocks.tencent_signature import claim_of
from tests.mocks.tencent_kit import (
    Stand,
    envelope,
    make_tenant,
    request_of,
    serve,
    server,
    stand,
)

__all__ = ["server", "stand"]  # fixtures

NOW = 1_600_000_000
BODY = b'{"Mobile": "13800000000", "Name": "\\u674e"}'
PHONE_AND_NAME = "CheckPhoneAndName"


# The published vectors


@pytest.mark.parametrize(
    ("key", "names", "signature"),
    [
        (
            "*" * 32,
            "content-type;host;x-tc-action",
            "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f",
        ),
        (
            "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
            "content-type;host",
            "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
        ),
    ],
)
def test_the_published_vectors_are_reproduced(key, names, signature):
    body = (
        rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
    )
    scope = "AKID/2019-02-25/cvm/tc3_request"
    request = request_of(
        body=body,
        host="cvm.tencentcloudapi.com",
        content_type="application/json; charset=utf-8",
        x_tc_action="DescribeInstances",
        x_tc_version="2017-03-12",
        x_tc_timestamp="1551113065",
        authorization=f"TC3-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, "
        f"Signature={signature}",
    )
    claim = claim_of(request)
    claim.require_proved(key, 1_551_113_065)

    assert (claim.service, claim.action, claim.secret_id) == ("cvm", "DescribeInstances", "AKID")
    other = claim_of(request._replace(body=body.replace(b"1", b"2")))
    with pytest.raises(VendorError, match="SignatureFailure"):
        other.require_proved(key, 1_551_113_065)


# The vendor's own clients


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("sign", ["TC3-HMAC-SHA256", "HmacSHA1", "HmacSHA256"])
def test_every_signature_of_the_sdk_is_understood(stand, method, sign):
    li = stand.person(name="李明")
    asked = {"Mobile": li.phone.text, "Name": "李明"}

    assert stand.ask(PHONE_AND_NAME, asked, method=method, sign=sign)["Result"] == "0"
    wrong = {"method": method, "sign": sign, "credential": stand.credential(key="another")}
    assert stand.refused(PHONE_AND_NAME, asked, **wrong) == "AuthFailure.SignatureFailure"


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_unsigned_payload_is_understood(stand, method):
    asked = {"Mobile": stand.person().phone.text, "Name": "谁"}

    assert stand.ask(PHONE_AND_NAME, asked, method=method, unsigned=True)["Result"] == "1"


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("sign", ["TC3-HMAC-SHA256", "HmacSHA1"])
def test_lists_and_objects_arrive_flattened_too(stand, method, sign):
    li = stand.person()
    secret = {"EncryptList": ["Mobile"], "CiphertextBlob": "x", "Iv": "0" * 16}
    asked = {"Mobile": li.phone.text, "Name": "李", "Encryption": secret}

    codes = [
        stand.refused(PHONE_AND_NAME, asked, method=method, sign=sign),
        stand.refused(
            PHONE_AND_NAME,
            {**asked, "Encryption": {**secret, "EncryptList": ["Mobile", "Iv"]}},
            method=method,
            sign=sign,
        ),
    ]
    assert codes == [
        "FailedOperation.DecryptSystemError",
        "InvalidParameter.UnsupportEncryptField",
    ]


def test_the_typed_client_and_the_asynchronous_one_agree(stand):
    li = stand.person(name="李明")
    asked = CheckPhoneAndNameRequest()
    asked.Mobile, asked.Name = li.phone.text, "李明"
    known = (stand.credential(), "ap-shanghai", stand.profile())

    async def twice():
        async with faceid_client_async.FaceidClient(*known) as client:
            return await asyncio.gather(*[client.CheckPhoneAndName(asked) for _ in range(2)])

    answers = [FaceidClient(*known).CheckPhoneAndName(asked), *asyncio.run(twice())]
    assert [answer.Result for answer in answers] == ["0"] * 3
    assert len({answer.RequestId for answer in answers}) == 3


def test_the_asynchronous_client_hears_a_wrong_key(stand):
    asked = PhoneVerificationRequest()

    async def once():
        wrong = stand.credential(key="another")
        async with faceid_client_async.FaceidClient(wrong, "", stand.profile()) as client:
            await client.PhoneVerification(asked)

    with pytest.raises(TencentCloudSDKException) as no:
        asyncio.run(once())
    assert no.value.get_code() == "AuthFailure.SignatureFailure"


def test_a_temporary_key_needs_its_token(stand):
    tenant, asked = stand.tenant, {"Mobile": "13800000000", "Name": "李"}
    known = tenant.credentials
    tenant.credentials = SimpleNamespace(
        **{name: getattr(known, name) for name in known.__slots__} | {"token": "a-token"}
    )
    for sign in ("TC3-HMAC-SHA256", "HmacSHA256"):
        told = {"sign": sign, "credential": stand.credential(token="a-token")}
        assert stand.ask(PHONE_AND_NAME, asked, **told)["Result"] == "-1"
        told["credential"] = stand.credential(token="another")
        assert stand.refused(PHONE_AND_NAME, asked, **told) == "AuthFailure.TokenFailure"
        told["credential"] = stand.credential()
        assert stand.refused(PHONE_AND_NAME, asked, **told) == "AuthFailure.TokenFailure"


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"service": "cvm", "version": "2017-03-12"}, "NoSuchProduct"),
        ({"service": "ocr", "version": "2018-03-01"}, "NoSuchVersion"),
        ({"service": "ocr"}, "InvalidAction"),
        ({"action": "Detect"}, "InvalidAction"),
        ({"sign": "HmacSHA1", "version": "2001-01-01"}, "NoSuchVersion"),
        ({"params": {"Name": "李"}}, "MissingParameter"),
        ({"params": {"Mobile": None, "Name": "李"}}, "MissingParameter"),
        ({"params": {"Mobile": 138, "Name": "李"}}, "InvalidParameter"),
        ({"params": {"Mobile": "138", "Name": "李", "City": "x"}}, "UnknownParameter"),
        ({"method": "GET", "params": {"Mobile.0": "138", "Name": "李"}}, "InvalidParameter"),
    ],
)
def test_what_is_asked_must_exist(stand, told, code):
    asked = {"action": PHONE_AND_NAME, "params": {"Mobile": "138", "Name": "李"}, **told}

    assert stand.refused(**asked) == code


def test_nobody_else_has_this_secret_id(stand):
    stranger = stand.credential()
    stranger.secret_id = "AKIDnobody"

    refused = stand.refused(PHONE_AND_NAME, credential=stranger)
    assert refused == "AuthFailure.SecretIdNotFound"


# Signed by hand


def sign(tenant, body=BODY, **told):
    """Return a request that is signed as the document says, but for what is ``told``."""
    at = told.pop("at", NOW)
    day = told.pop("day", datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d"))
    service, names = told.pop("service", "faceid"), told.pop("names", "content-type;host")
    method, path, query = told.pop("method", "POST"), told.pop("path", "/"), told.pop("query", "")
    sent = {
        "host": "127.0.0.1:8000",
        "content-type": "application/json",
        "x-tc-action": PHONE_AND_NAME,
        "x-tc-version": "2018-03-01",
        "x-tc-timestamp": str(at),
        **{name.replace("_", "-"): value for name, value in told.items()},
    }
    lines = "".join([f"{name}:{sent.get(name, '').strip().lower()}\n" for name in names.split(";")])
    digest = hashlib.sha256(b"" if method == "GET" else body).hexdigest()
    canonical = f"{method}\n/\n{query}\n{lines}\n{names}\n{digest}"
    scope = f"{day}/{service}/tc3_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"TC3{tenant.credentials.secret_key}".encode()
    for part in (day, service, "tc3_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = f"TC3-HMAC-SHA256\n{at}\n{scope}\n{hashed}"
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"{tenant.credentials.secret_id}/{scope}"
    sent.setdefault(
        "authorization",
        f"TC3-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}",
    )
    return request_of(method, path, query.encode(), body, **sent)


@pytest.fixture(scope="module")
def alone():
    """A face without a server, for one tenant, at a moment that stands still."""
    tenant = make_tenant("alone")

    class One:
        def by_secret_id(self, secret_id):
            return tenant if secret_id == tenant.credentials.secret_id else None

    tenant.face = TencentFace(One(), lambda: NOW, dict.fromkeys(QUOTAS, 10**9))
    return tenant


def code_of(alone, request):
    answer = envelope(serve(alone.face, request))
    return answer["Error"]["Code"] if "Error" in answer else answer["Result"]


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({}, "-1"),
        ({"names": "content-type;host;x-tc-action"}, "-1"),
        ({"names": "content-type;host;x-tc-version;x-tc-region", "x_tc_region": " AP "}, "-1"),
        ({"content_type": "Application/JSON; charset=UTF-8"}, "-1"),
        ({"at": NOW - 300}, "-1"),
        ({"at": NOW - 301}, "AuthFailure.SignatureExpire"),
        ({"at": NOW + 301}, "AuthFailure.SignatureExpire"),
        ({"day": "2020-09-12"}, "AuthFailure.SignatureFailure"),
        ({"names": "host"}, "AuthFailure.InvalidAuthorization"),
        ({"names": "content-type;host;x-tc-absent"}, "-1"),
        ({"authorization": "SKIP"}, "AuthFailure.InvalidAuthorization"),
        ({"authorization": ""}, "AuthFailure.InvalidAuthorization"),
        ({"x_tc_action": ""}, "MissingParameter"),
        ({"x_tc_version": ""}, "MissingParameter"),
        ({"x_tc_timestamp": ""}, "MissingParameter"),
        ({"x_tc_timestamp": "soon"}, "InvalidParameter"),
        ({"x_tc_timestamp": "٣"}, "InvalidParameter"),
        ({"x_tc_timestamp": "9" * 13}, "InvalidParameter"),
        ({"x_tc_version": "2018-11-19"}, "NoSuchVersion"),
        ({"service": "iai"}, "NoSuchVersion"),
        ({"content_type": "multipart/form-data; boundary=x"}, "InvalidRequest"),
        ({"content_type": "application/x-www-form-urlencoded"}, "InvalidRequest"),
        ({"method": "PUT"}, "UnsupportedOperation"),
        ({"path": "/faceid"}, "InvalidRequest"),
        ({"method": "GET", "query": "Mobile=13800000000&Name=%E6%9D%8E"}, "-1"),
        ({"method": "GET", "query": "Mobile=13800000000&Name=%FF"}, "InvalidParameter"),
        ({"method": "GET", "query": "&".join("ab=" * 1001)}, "InvalidParameter"),
        ({"method": "GET", "query": "Name=" + "x" * 32 * 1024}, "RequestSizeLimitExceeded"),
    ],
)
def test_each_part_of_a_signed_request_counts(alone, told, code):
    assert code_of(alone, sign(alone, **told)) == code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff{}",
        '{"Name": "李"}'.encode("gbk"),
        "{}".encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"Mobile": ' + b"[" * 100_000 + b"}",
        b'{"Mobile": ' + b"1" * 5_000 + b"}",
        b'{"Mobile": "1", "Name": "\\ud800"}',
        b'{"Mobile": ["1"], "Name": "x"}',
        b'{"Mobile": "1", "Name": true}',
        b'{"Mobile": "1", "Name": "x", "Encryption": []}',
        b'{"Mobile": "1", "Name": "x", "Encryption": {"EncryptList": "Name"}}',
    ],
)
def test_a_broken_body_is_a_wrong_parameter(alone, body):
    assert code_of(alone, sign(alone, body)) == "InvalidParameter"


def test_a_strange_parameter_is_named_back_whatever_it_is(alone):
    answer = envelope(serve(alone.face, sign(alone, b'{"\\ud800": 1}')))

    assert answer["Error"]["Code"] == "UnknownParameter"


def test_a_signature_of_another_request_is_none(alone):
    request = sign(alone)
    for changed in (
        request._replace(body=BODY + b" "),
        request._replace(host="127.0.0.1:8001"),
        request._replace(method="GET"),
        request._replace(headers=request.headers | {"content-type": "application/json;"}),
        request._replace(headers=request.headers | {"x-tc-timestamp": str(NOW + 1)}),
    ):
        assert code_of(alone, changed) == "AuthFailure.SignatureFailure"
    capitals = request.headers["authorization"][:-5] + "ABCDE"
    wrong = request._replace(headers=request.headers | {"authorization": capitals})
    assert code_of(alone, wrong) == "AuthFailure.InvalidAuthorization"


def other_ways(body):
    """Give the same JSON object in other bytes."""
    told = json.loads(body)
    first, text = next(iter(told.items()))
    pair = f"{json.dumps(first)}:{json.dumps(text)}"
    yield json.dumps(told, indent=1).encode()
    yield json.dumps(dict(reversed(told.items()))).encode()
    yield json.dumps(told, ensure_ascii=False, separators=(" ,", ": ")).encode()
    yield ("{" + f"{pair},{pair}," + json.dumps(told)[1:]).encode()  # names twice: the last counts
    yield "".join(f"\\u{ord(c):04x}" if c.isalpha() else c for c in body.decode()).encode()


@settings(max_examples=50)
@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_what_is_accepted_are_the_bytes_that_were_signed_and_not_what_they_mean(alone, name):
    body = json.dumps({"Mobile": "13800000000", "Name": name}, separators=(",", ":")).encode()
    request = sign(alone, body)

    assert code_of(alone, request) != "AuthFailure.SignatureFailure"
    for other in other_ways(body):
        assert other != body
        changed = code_of(alone, request._replace(body=other))
        assert changed == "AuthFailure.SignatureFailure"  # INV-SIG-RAW


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (b"", "MissingParameter"),
        (b"Action=DetectAuth", "MissingParameter"),
        (b"Action=A&Version=V&Timestamp=T&Nonce=1&SecretId=S&Signature=s", "InvalidParameter"),
        (b"Action=A&Version=V&Timestamp=1&Nonce=1&SecretId=\xff&Signature=s", "InvalidParameter"),
        (
            b"Action=A&Version=V&Timestamp=1&Nonce=1&SecretId=S&Signature=s&SignatureMethod=MD5",
            "InvalidParameterValue",
        ),
        (
            b"Action=A&Version=V&Timestamp=1&Nonce=1&SecretId=S&Signature=%F0%9F%90%89",
            "AuthFailure.SecretIdNotFound",
        ),
    ],
)
def test_the_older_methods_have_parts_too(alone, query, code):
    assert code_of(alone, request_of("GET", query=query)) == code


def test_a_signature_in_strange_letters_is_only_wrong(alone):
    known = alone.credentials.secret_id.encode()
    query = b"Action=A&Version=V&Timestamp=%d&Nonce=1&SecretId=%b&Signature=%%F0%%9F%%90%%89"

    code = code_of(alone, request_of("GET", query=query % (NOW, known)))
    assert code == "AuthFailure.SignatureFailure"


# Whatever comes

texts = st.text(st.characters(max_codepoint=255), max_size=60)
header_names = st.sampled_from(
    [
        "authorization",
        "content-type",
        "host",
        "x-tc-action",
        "x-tc-version",
        "x-tc-timestamp",
        "x-tc-token",
        "x-tc-content-sha256",
        "baggage",
    ]
)


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "", "get"]),
    path=st.sampled_from(["/", "", "/x", "//"]),
    query=st.binary(max_size=80),
    headers=st.dictionaries(header_names, texts),
    body=st.binary(max_size=80),
)
def test_whatever_comes_is_answered_in_the_envelope(alone, method, path, query, headers, body):
    answer = envelope(serve(alone.face, request_of(method, path, query, body, **headers)))

    assert re.fullmatch(r"[A-Z][A-Za-z.]+", answer["Error"]["Code"])
    assert "Traceback" not in answer["Error"]["Message"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("service", "action"), [("faceid", name) for name in QUOTAS if name != "CompareFace"]
)
@given(data=st.data())
def test_whatever_is_signed_is_answered_in_the_envelope(alone, service, action, data):
    fields = next(
        product.actions[action].fields for product in PRODUCTS.values() if action in product.actions
    )
    names = st.sampled_from(sorted(fields.by_name)) | st.text(max_size=5)
    body = json.dumps(data.draw(st.dictionaries(names, json_values, max_size=6))).encode()
    service, version = ("ocr", "2018-11-19") if "OCR" in action else (service, "2018-03-01")
    request = sign(alone, body, service=service, x_tc_action=action, x_tc_version=version)

    answer = envelope(serve(alone.face, request))
    if "Error" in answer:
        assert answer["Error"]["Code"] not in ("InternalError", "InvalidAction")


@given(st.lists(st.tuples(st.text("a.0", max_size=6), st.text(max_size=3)), max_size=6))
def test_flattened_names_never_surprise(pairs):
    fields = Fields(
        Field("a", "objects", fields=Fields(Field("a", "strings"), Field("0"))), Field("0", "int")
    )
    with suppress(VendorError):  # and nothing else
        read(fields, unfold(fields, dict(pairs)))


def test_flattened_parameters_grow_back():
    fields = Fields(
        Field("Items", "objects", fields=Fields(Field("Text"), Field("Words", "strings"))),
        Field("On", "bool"),
        Field("Off", "bool"),
        Field("Count", "uint"),
    )
    flat = {f"Items.{place}.Text": f"t{place}" for place in range(11)}
    flat |= {"Items.0.Words.0": "a", "Items.0.Words.1": "b", "On": "True", "Off": "0"}

    grown = read(fields, unfold(fields, flat | {"Count": "7"}))
    assert [item["Text"] for item in grown["Items"]] == [f"t{place}" for place in range(11)]
    assert grown["Items"][0]["Words"] == ["a", "b"]
    assert (grown["On"], grown["Off"], grown["Count"]) == (True, False, 7)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        (Field("F", "uint"), -1, "InvalidParameter"),
        (Field("F", "uint"), 2**64, "InvalidParameter"),
        (Field("F", "int"), 2**63, "InvalidParameter"),
        (Field("F", "int"), True, "InvalidParameter"),
        (Field("F", "int"), 1.0, "InvalidParameter"),
        (Field("F", "strings", longest=1), ["a", "b"], "InvalidParameterValue"),
        (Field("F", "strings", each=1), ["ab"], "InvalidParameterValue"),
        (Field("F", "strings"), [None], "InvalidParameter"),
        (Field("F", longest=2), "abc", "InvalidParameterValue"),
        (Field("F", choices=("a",)), "b", "InvalidParameterValue"),
        (Field("F", choices=("a",), refused="Own"), "b", "Own"),
        (Field("F", "object", fields=Fields(Field("G", required=True))), {}, "MissingParameter"),
        (Field("F", "object", fields=Fields()), {"G": 1}, "UnknownParameter"),
        (Field("F", "objects", fields=Fields()), ["x"], "InvalidParameter"),
    ],
)
def test_a_parameter_is_held_against_its_table(field, value, code):
    with pytest.raises(VendorError) as no:
        read(Fields(field), {"F": value})
    assert no.value.code == code


# What goes wrong behind


def test_a_bug_of_ours_is_an_internal_error_and_never_a_traceback(stand, caplog):
    stand.says("carrier", name_matches=RuntimeError("our secret"))
    asked = {"Mobile": "13800000000", "Name": "李"}

    with caplog.at_level("CRITICAL", logger="mocks.tencent"):
        assert stand.refused(PHONE_AND_NAME, asked) == "InternalError"


def test_a_bug_of_ours_is_told_to_the_log(alone, caplog, monkeypatch):
    monkeypatch.setattr(alone.house.behaviours["carrier"], "name_matches", None)
    answer = envelope(serve(alone.face, sign(alone)))

    assert "TypeError" not in json.dumps(answer)
    assert "TypeError" in caplog.text


def test_a_failed_provider_and_a_spent_quota_have_the_vendors_codes(stand):
    asked = {"Mobile": "13800000000", "Name": "李"}
    for error, code in ((ServerFailed, "InternalError"), (QuotaExceeded, "RequestLimitExceeded")):
        stand.says("carrier", name_matches=error("carrier.name_matches"))
        assert stand.refused(PHONE_AND_NAME, asked) == code


def test_what_the_transport_is_to_show_passes_through(alone, monkeypatch):
    class Breaking:
        OPERATIONS = alone.behaviours["carrier"].OPERATIONS

        @staticmethod
        def name_matches(*_):
            raise NoAnswer(TimedOut)

    monkeypatch.setitem(alone.house.behaviours, "carrier", Breaking)
    with pytest.raises(NoAnswer):
        serve(alone.face, sign(alone))


# Limits


@pytest.mark.parametrize(
    ("action", "service", "per_s"),
    [(PHONE_AND_NAME, "faceid", 20), ("DetectAuth", "faceid", 100), ("BizLicenseOCR", "ocr", 10)],
)
def test_an_action_may_be_called_so_often_a_second_and_no_more(stand, action, service, per_s):
    codes = [stand.refused(action, {"Nonsense": "1"}, service) for _ in range(per_s + 1)]
    assert codes == ["UnknownParameter"] * per_s + ["RequestLimitExceeded"]

    stand.clock.now_s += 1 / per_s + 1e-9
    assert stand.refused(action, {"Nonsense": "1"}, service) == "UnknownParameter"
    assert stand.refused(action, {"Nonsense": "1"}, service) == "RequestLimitExceeded"
    other = "MobileStatus" if service == "faceid" else "IDCardOCR"
    assert stand.refused(other, {"Nonsense": "1"}, service) == "UnknownParameter"


def test_whose_business_time_is_their_own_has_no_rate():
    alone = make_tenant("timed")
    face = TencentFace(SimpleNamespace(by_secret_id=lambda _: alone), lambda: NOW, QUOTAS)
    requests = [sign(alone, baggage="lr.visit=1")] * 30 + [sign(alone)] * 21

    answers = [envelope(serve(face, request)) for request in requests]
    codes = [answer.get("Error", {}).get("Code", "") for answer in answers]
    assert codes == [""] * 50 + ["RequestLimitExceeded"]


def test_a_bucket_fills_with_time_and_never_overflows():
    bucket = Bucket(2)

    assert [bucket.take(0.0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(100.0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(100.5), bucket.take(100.5)] == [True, False]
    assert bucket.take(3.0)  # the clock was put back


def test_a_tally_counts_the_minute_and_the_business_day():
    tally = Tally(per_day=4, per_minute=2)

    assert [tally.admit("li", at) for at in (0.0, 1.0, 59.9, 60.0, 61.0)] == [
        True,
        True,
        False,
        True,
        True,
    ]
    assert not tally.admit("li", 500.0)
    assert tally.admit("wang", 500.0)
    assert tally.admit("li", 86_400.0)


def test_the_minute_goes_on_over_midnight():
    tally = Tally(per_day=9, per_minute=1)

    assert tally.admit("li", 86_390.0)
    assert not tally.admit("li", 86_410.0)
    assert tally.admit("li", 86_450.0)


# The tenant


def test_request_ids_are_the_same_for_the_same_requests_and_differ_else():
    first, second = Office(make_tenant("a")), Office(make_tenant("a"))
    ids = [first.request_id("DetectAuth") for _ in range(100)]

    assert len(set(ids)) == 100
    assert ids == [second.request_id("DetectAuth") for _ in range(100)]
    assert Office(make_tenant("b")).request_id("DetectAuth") not in ids


def test_a_tenant_that_is_opened_anew_starts_afresh(stand):
    for _ in range(20):
        stand.refused("MobileStatus")
    assert stand.refused("MobileStatus") == "RequestLimitExceeded"

    stand.tenants.open(stand.tenant.name)
    assert stand.refused("MobileStatus") == "MissingParameter"


def test_tenants_are_told_apart_by_their_secret_id(server):
    one, other = Stand(server, "one"), Stand(server, "other")
    one.person(name="李明")
    other.person(name="王芳")
    asked = {"Mobile": one.person(name="李明").phone.text, "Name": "李明"}

    assert one.ask(PHONE_AND_NAME, asked)["Result"] == "0"
    assert other.ask(PHONE_AND_NAME, asked)["Result"] == "1"
