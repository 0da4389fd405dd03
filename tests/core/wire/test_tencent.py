"""Tencent's signature and envelope: published vectors, and every kind of failure."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tencentcloud.common.sign import Sign

from core.errors import NotDone, ProviderError, QuotaExceeded, ServerFailed, Unreadable
from core.wire.message import HttpResponse, Told
from core.wire.tencent import (
    CONTENT_TYPE,
    Action,
    TencentAccess,
    authorization,
    call,
    opened,
    request,
)

ACTION = Action("ocr.card_front", "ocr", "2018-11-19", "IDCardOCR")
REQUEST_ID = "c058efd9-a469-4256-a18d-bf539fd2231b"


def access(secret_id="AKID", secret_key="secret", region="", token=""):
    return TencentAccess(
        secret_id, secret_key, "ocr.tencentcloudapi.com", lambda: 1551113065.9, region, token
    )


def response(body, status=200):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(status, {"content-type": "application/json"}, content)


def failed(code):
    return response(
        {"Response": {"Error": {"Code": code, "Message": "anything"}, "RequestId": REQUEST_ID}}
    )


# ------------------------------------------------------------------------------- the signature

VECTOR_BODY = (
    rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
)
VECTOR_TIME_S = 1551113065
VECTOR_SIGNED = {"content-type": CONTENT_TYPE, "host": "cvm.tencentcloudapi.com"}


@pytest.mark.parametrize(
    ("secret_key", "more", "names", "signature"),
    [
        (
            "*" * 32,
            {"x-tc-action": "describeinstances"},
            "content-type;host;x-tc-action",
            "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f",
        ),
        (
            "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
            {},
            "content-type;host",
            "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
        ),
    ],
    ids=["with x-tc-action", "without"],
)
def test_both_published_vectors_are_reproduced(secret_key, more, names, signature):
    who = access("AKIDEXAMPLE", secret_key)

    assert sha256(VECTOR_BODY).hexdigest().startswith("35e9c5b0")
    assert authorization(who, "cvm", VECTOR_TIME_S, VECTOR_SIGNED | more, VECTOR_BODY) == (
        "TC3-HMAC-SHA256 Credential=AKIDEXAMPLE/2019-02-25/cvm/tc3_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


@given(
    secret_key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
    body=st.binary(max_size=200),
    at_s=st.integers(0, 4_102_444_800),
    host=st.from_regex(r"[a-z0-9.]{1,30}(:[0-9]{2,5})?", fullmatch=True),
)
def test_the_vendors_own_library_signs_the_same(secret_key, body, at_s, host):
    signed = {"content-type": "application/json", "host": host}
    ours = authorization(access(secret_key=secret_key), "faceid", at_s, signed, body)

    day = ours.partition("/")[2].partition("/")[0]
    canonical = (
        f"POST\n/\n\ncontent-type:application/json\nhost:{host}\n\ncontent-type;host\n"
        f"{sha256(body).hexdigest()}"
    )
    told = "\n".join(
        (
            "TC3-HMAC-SHA256",
            str(at_s),
            f"{day}/faceid/tc3_request",
            sha256(canonical.encode()).hexdigest(),
        )
    )
    theirs = Sign.sign_tc3(secret_key, day, "faceid", told)
    assert ours.endswith(f"Signature={theirs}")


def test_a_request_carries_the_headers_it_signs_and_no_more_than_it_must():
    asked = request(access(), ACTION, {"CardSide": "FRONT", "名": "赵"})

    assert (asked.method, asked.path) == ("POST", "/")
    assert json.loads(asked.body) == {"CardSide": "FRONT", "名": "赵"}
    signed = {"content-type": CONTENT_TYPE, "host": "ocr.tencentcloudapi.com"}
    assert asked.headers == {
        "Host": "ocr.tencentcloudapi.com",
        "Content-Type": "application/json; charset=utf-8",
        "Authorization": authorization(access(), "ocr", 1551113065, signed, asked.body),
        "X-TC-Action": "IDCardOCR",
        "X-TC-Version": "2018-11-19",
        "X-TC-Timestamp": "1551113065",
    }


def test_region_and_temporary_credentials_are_told_where_there_are_any():
    asked = request(access(region="ap-guangzhou", token="a token"), ACTION, {})

    assert asked.headers["X-TC-Region"] == "ap-guangzhou"
    assert asked.headers["X-TC-Token"] == "a token"


def test_nobody_reads_the_secrets_in_a_log():
    told = repr(access(secret_key="the secret", token="the token"))

    assert "the secret" not in told
    assert "the token" not in told


# -------------------------------------------------------------------------------- the envelope


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ActionOffline", NotDone),
        ("AuthFailure.InvalidAuthorization", NotDone),
        ("AuthFailure.InvalidSecretId", NotDone),
        ("AuthFailure.MFAFailure", NotDone),
        ("AuthFailure.SecretIdNotFound", NotDone),
        ("AuthFailure.SignatureExpire", NotDone),
        ("AuthFailure.SignatureFailure", NotDone),
        ("AuthFailure.TokenFailure", NotDone),
        ("AuthFailure.UnauthorizedOperation", NotDone),
        ("DryRunOperation", NotDone),
        ("FailedOperation", ServerFailed),
        ("InternalError", ServerFailed),
        ("InternalError.UnKnown", ServerFailed),
        ("InvalidAction", NotDone),
        ("InvalidParameter", NotDone),
        ("InvalidParameterValue", NotDone),
        ("InvalidRequest", NotDone),
        ("IpInBlacklist", NotDone),
        ("IpNotInWhitelist", NotDone),
        ("LimitExceeded", QuotaExceeded),
        ("MissingParameter", NotDone),
        ("NoSuchProduct", NotDone),
        ("NoSuchVersion", NotDone),
        ("RequestLimitExceeded", QuotaExceeded),
        ("RequestLimitExceeded.GlobalRegionUinLimitExceeded", QuotaExceeded),
        ("RequestLimitExceeded.IPLimitExceeded", QuotaExceeded),
        ("RequestLimitExceeded.UinLimitExceeded", QuotaExceeded),
        ("FailedOperation.RequestLimitExceeded", QuotaExceeded),
        ("FailedOperation.CountLimitError", QuotaExceeded),
        ("FailedOperation.IdentityAuthLimitExceeded", QuotaExceeded),
        ("ResourceUnavailable.InArrears", NotDone),
        ("ResourceUnavailable.ResourcePackageRunOut", NotDone),
        ("ResourcesSoldOut.ChargeStatusException", NotDone),
        ("FailedOperation.UnOpenError", NotDone),
        ("UnauthorizedOperation.Arrears", NotDone),
        ("UnauthorizedOperation.Nonactivated", NotDone),
        ("UnknownParameter", NotDone),
        ("UnsupportedOperation", NotDone),
        ("ACodeOfTomorrow.NobodyKnows", ServerFailed),
    ],
)
def test_an_error_code_tells_what_is_known_of_the_effect(code, kind):
    with pytest.raises(ProviderError) as error:
        opened(ACTION.operation, failed(code), {})

    assert type(error.value) is kind
    assert error.value.args == ("ocr.card_front", code)


def test_a_code_that_is_an_answer_is_returned_as_what_it_means():
    assert opened("x.y", failed("LimitExceeded.Mine"), {"LimitExceeded.Mine": 7}) == 7


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, NotDone),
        (403, NotDone),
        (413, NotDone),
        (429, QuotaExceeded),
        (500, ServerFailed),
        (502, ServerFailed),
        (504, ServerFailed),
        (204, Unreadable),
        (302, Unreadable),
    ],
)
def test_any_status_but_200_comes_from_somebody_in_between(status, kind):
    with pytest.raises(ProviderError) as error:
        opened(ACTION.operation, response(b"<html>Bad Gateway</html>", status), {})

    assert type(error.value) is kind
    assert error.value.args == ("ocr.card_front", f"HTTP {status}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"Response"',
        b"{}",
        b'{"Response": null}',
        b'{"Response": []}',
        b'{"Response": {}}',
        b'{"Response": {"RequestId": ""}}',
        b'{"Response": {"RequestId": 7}}',
        b'{"Response": {"RequestId": null}}',
        b'{"Response": {"Error": {"Code": "InternalError", "Message": ""}}}',
        b'{"Response": {"Error": "InternalError", "RequestId": "r"}}',
        b'{"Response": {"Error": {}, "RequestId": "r"}}',
        b'{"Response": {"Error": {"Code": 7}, "RequestId": "r"}}',
        b'{"Response": {"Error": {"Code": ""}, "RequestId": "r"}}',
        b'{"Response": {"RequestId": "r"}',
        b'{"Response": {"RequestId": "r", "Sim": NaN}}',
        b'{"Response": {"RequestId": "r", "Sim": -Infinity}}',
        b'{"Response": {"RequestId": "\\ud800"}}',
        b'{"Response": {"RequestId": "r", "Sim": 1e9999999999999999999999}}',
        b'{"Response": {"RequestId": "r", "Sim": %s}}' % (b"9" * 5_000),
        b"[" * 200_000,
        '{"Response": {"RequestId": "r"}}'.encode("utf-16"),
        '{"Response": {"RequestId": "号"}}'.encode("gbk"),
    ],
    ids=range(25),
)
def test_what_is_no_envelope_is_unreadable(body):
    with pytest.raises(Unreadable):
        opened(ACTION.operation, response(body), {})


def test_a_failure_never_shows_what_was_answered():
    with pytest.raises(Unreadable) as error:
        opened("x.y", response({"Response": {"RequestId": "r", "Name": ["王小明"]}}), {}).text(
            "Name"
        )

    assert "王小明" not in str(error.value)
    assert "Name" in str(error.value)


def test_an_envelope_without_an_error_is_what_it_holds():
    told = opened("x.y", response({"Response": {"Result": "0", "RequestId": REQUEST_ID}}), {})

    assert told.text("Result") == "0"


def test_a_call_is_one_request_and_one_response():
    exchange = call(access(), ACTION, {}, {})
    next(exchange)
    with pytest.raises(StopIteration) as end:
        exchange.send(response({"Response": {"Result": "0", "RequestId": REQUEST_ID}}))

    assert end.value.value.text("Result") == "0"


# ------------------------------------------------------------------------- fields by their type


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        ("text", ["", "0", "移动"], [0, None, True, ["0"], {}, "\ud800"]),
        ("filled", ["0"], ["", 0, None]),
        ("text_or", ["0", ""], [0, False, {}]),
        ("whole", [0, -4, 10**30], ["0", 0.0, True, None]),
        ("wholes", [[], [-9101, -9106]], [None, -9101, ["-9101"], [True], [1.0], "[]"]),
        ("code", ["86"], [8.6, None, True, []]),
        ("inside", [], [None, [], "{}", 0]),
        ("inside_or", [], [[], "{}", 0]),
        ("number", [], ["1.5", None, True, []]),
        ("picture_or", [], [0, "no Base64", "AAAA", "图"]),
    ],
)
def test_a_field_has_the_type_that_is_documented(read, good, bad):
    for value in good:
        assert getattr(told_of(value), read)("field") == value
    for value in bad:
        with pytest.raises(Unreadable, match=r"field|picture"):
            getattr(told_of(value), read)("field")


@pytest.mark.parametrize("read", ["text", "filled", "whole", "wholes", "code", "inside", "number"])
def test_a_field_that_is_absent_is_missed(read):
    with pytest.raises(Unreadable, match="field"):
        getattr(Told("x.y", {}), read)("field")


def test_numbers_keep_their_digits():
    told = Told.read("x.y", b'{"whole": 70, "part": 89.88, "long": 69.99999999999999999999}')

    assert [str(told.number(name)) for name in ("whole", "part", "long")] == [
        "70",
        "89.88",
        "69.99999999999999999999",
    ]
    assert told.code("whole") == "70"


@pytest.mark.parametrize("value", ["0", 0.5, False, []])
def test_where_null_is_documented_another_type_is_still_wrong(value):
    with pytest.raises(Unreadable, match="field"):
        told_of(value).whole_or("field", 17)


def test_where_null_is_documented_it_reads_as_nothing():
    for told in (Told("x.y", {}), Told("x.y", {"field": None})):
        assert told.text_or("field") == ""
        assert told.whole_or("field", 17) == 17
        assert told.inside_or("field") is None
        assert told.picture_or("field") is None
        assert told.meaning_or("field", {"": "nothing"}) == "nothing"


def told_of(value):
    return Told("x.y", {"field": value})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Response", "Error", "Code", "RequestId", "Result"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(body=st.binary(max_size=300) | json_values.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_back_is_an_envelope_or_a_providers_error(body):
    seen = seen_by(body)

    if isinstance(seen, ProviderError):
        assert seen.operation == ACTION.operation
    else:
        assert seen.filled("RequestId")


def seen_by(body):
    """Return what is in the envelope, or the provider's error; anything else is raised."""
    try:
        return opened(ACTION.operation, response(body), {})
    except ProviderError as error:
        return error
