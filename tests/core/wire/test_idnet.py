"""The ID networking check over its wire: message 0001 asks, 0002 answers, in XML."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import date
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotDone, ProviderError, QuotaExceeded, ServerFailed, Unreadable
from core.identity import IdNumber
from core.picture import Picture
from core.ports.idnet import IdAnswer, IdQuery, IdVerdict
from core.ports.trace import Trace
from core.wire.idnet import IdNetAccess, IdNetWire
from core.wire.message import HttpResponse

TRACE = Trace("daopu", "A1", 8, 1, 120.0, date(2020, 9, 1))
NUMBER = IdNumber("11010519491231002X")
QUERY = IdQuery("赵·<小>&明", NUMBER)
BANK_CODES = {"daopu": "402329801001", "bozhi": "402329806001"}
# 20:30:05 on 1 September in UTC, which is the next morning in China.
WIRE = IdNetWire(IdNetAccess(BANK_CODES.__getitem__, "loanrange", lambda: 1_598_992_205.0))
PHOTO = Picture.named("daopu/000007#idnet")
PHOTO_TEXT = b64encode(PHOTO.content).decode()
OFFICE = "道浦县公安局"


def asked(trace=TRACE, query=QUERY):
    return next(WIRE.check(trace, query))


def answered(body, status=200):
    exchange = WIRE.check(TRACE, QUERY)
    next(exchange)
    with pytest.raises(StopIteration) as end:
        exchange.send(HttpResponse(status, {}, body if isinstance(body, bytes) else body.encode()))
    return end.value.value


def message(number="0002", head="<?xml version='1.0' encoding='UTF-8'?>", **fields):
    """Return message 0002; a field that is None is left out."""
    told = {
        "ID": NUMBER.text,
        "Name": QUERY.name,
        "CheckResult": "00",
        "IssueOffice": OFFICE,
        "Photo": PHOTO_TEXT,
    } | fields
    inner = "".join(
        f"<{tag}>{escape(text)}</{tag}>" for tag, text in told.items() if text is not None
    )
    return (
        f"{head}<CFX><HEAD><VER>1.0</VER><SRC>100000000000</SRC><DES>402329801001</DES>"
        f"<APP>联网核查公民身份信息系统</APP><MsgNo>{number}</MsgNo><MsgID>1</MsgID>"
        "<MsgRef>1</MsgRef><WorkDate>20200901</WorkDate><Reserve/></HEAD><MSG>"
        "<SingleCheckResultHead0002><BankCode>402329801001</BankCode>"
        "<EntrustDate>20200902043005</EntrustDate><BusinessCode>01</BusinessCode>"
        "<UserCode>loanrange</UserCode></SingleCheckResultHead0002>"
        f"<SingleCheckResultMessage0002>{inner}</SingleCheckResultMessage0002></MSG></CFX>"
    )


# ------------------------------------------------------------------------------------- message 0001


def test_message_0001_is_written_in_the_known_form():
    request = asked()
    root = ElementTree.fromstring(request.body)

    assert (request.method, request.path) == ("POST", "/idnet/check")
    assert request.headers == {"Content-Type": "application/xml; charset=utf-8"}
    assert request.body.startswith(b"<?xml")
    assert root.tag == "CFX"
    assert [part.tag for part in root] == ["HEAD", "MSG"]

    head = {field.tag: field.text or "" for field in root.find("HEAD")}
    assert re.fullmatch("20200901[0-9]{12}", head["MsgID"])
    assert head == {
        "VER": "1.0",
        "SRC": "402329801001",
        "DES": "100000000000",
        "APP": "联网核查公民身份信息系统",
        "MsgNo": "0001",
        "MsgID": head["MsgID"],
        "MsgRef": head["MsgID"],
        "WorkDate": "20200901",
        "Reserve": "",
    }
    parts = {part.tag: {field.tag: field.text or "" for field in part} for part in root.find("MSG")}
    assert parts == {
        "SingleCheckBusinessHead0001": {
            "BankCode": "402329801001",
            "EntrustDate": "20200902043005",
            "BusinessCode": "01",
            "UserCode": "loanrange",
        },
        "SingleCheckRequestMessage0001": {"ID": NUMBER.text, "Name": "赵·<小>&明"},
    }


def test_a_bank_asks_under_its_own_code():
    body = asked(TRACE._replace(bank="bozhi")).body

    assert body.count(b"402329806001") == 2
    assert b"402329801001" not in body


def test_every_attempt_has_a_number_and_always_the_same():
    traces = [
        TRACE,
        TRACE._replace(attempt=2),
        TRACE._replace(call=9),
        TRACE._replace(application="A2"),
        TRACE._replace(bank="bozhi"),
    ]
    bodies = [asked(trace).body for trace in traces]

    numbers = [ElementTree.fromstring(body).findtext("HEAD/MsgID") for body in bodies]
    assert len(set(numbers)) == len(traces)
    assert asked().body == bodies[0]


# All that XML 1.0 can hold (section 2.2), but for the line ends, which it makes one of.
speakable = st.characters(
    min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"
)


@given(name=st.text(speakable, max_size=20))
def test_a_name_arrives_as_it_is(name):
    body = asked(query=IdQuery(name, NUMBER)).body

    told = ElementTree.fromstring(body).findtext("MSG/SingleCheckRequestMessage0001/Name")
    assert told == name


@pytest.mark.parametrize("name", ["王\0明", "王\x1b明", "王\ud800", "王\uffff"])
def test_a_name_that_no_xml_can_hold_is_not_sent(name):
    with pytest.raises(NotDone) as error:
        asked(query=IdQuery(name, NUMBER))

    assert error.value.operation == "idnet.check"
    assert "王" not in str(error.value)


# ------------------------------------------------------------------------------------- message 0002


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"CheckResult": "00"}, IdAnswer(IdVerdict.MATCH, PHOTO, OFFICE)),
        (
            {"CheckResult": "01", "Photo": ""},
            IdAnswer(IdVerdict.MATCH_NO_PHOTO, None, OFFICE),
        ),
        (
            {"CheckResult": "01", "Photo": None, "IssueOffice": None},
            IdAnswer(IdVerdict.MATCH_NO_PHOTO),
        ),
        (
            {"CheckResult": "02", "Photo": "", "IssueOffice": ""},
            IdAnswer(IdVerdict.NAME_DIFFERS),
        ),
        ({"CheckResult": "02"}, IdAnswer(IdVerdict.NAME_DIFFERS)),
        (
            {"CheckResult": "03", "Photo": None, "IssueOffice": None},
            IdAnswer(IdVerdict.NO_SUCH_NUMBER),
        ),
        ({"CheckResult": "04", "ID": ""}, IdAnswer(IdVerdict.OTHER_ERROR)),
        ({"CheckResult": "05", "ID": None, "Name": None}, IdAnswer(IdVerdict.BAD_PARAMETER)),
    ],
    ids=["00", "01", "01, short", "02", "02, with another's photo", "03", "04", "05"],
)
def test_every_code_of_the_table_is_a_verdict(fields, answer):
    assert answered(message(**fields)) == answer


@pytest.mark.parametrize("head", ["", "\ufeff", "<?xml version='1.0' encoding='GBK'?>"])
def test_an_answer_is_utf_8_whatever_it_claims(head):
    assert answered(message(head=head)).authority == OFFICE


def test_a_photo_may_come_in_lines():
    lines = "\r\n".join(re.findall(".{1,76}", PHOTO_TEXT))

    assert answered(message(Photo=f"\n{lines}\n")).photo == PHOTO


def test_a_real_photo_is_known_by_its_bytes():
    content = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
    photo = answered(message(Photo=b64encode(content).decode())).photo

    assert (photo.ref, photo.media, photo.content) == ("", "image/jpeg", content)


def test_a_name_with_holes_is_still_the_one_we_asked_for():
    assert answered(message(Name="赵?明")).verdict is IdVerdict.MATCH


@pytest.mark.parametrize(
    "body",
    [
        message(number="0001"),
        message(number=""),
        message(CheckResult="06"),
        message(CheckResult="0"),
        message(CheckResult=""),
        message(CheckResult=None),
        message(ID="11010119000307003X"),
        message(ID=None),
        message(CheckResult="03", ID=None),
        message(Photo=""),
        message(Photo=None),
        message(Photo="/9j/4AAQ...9k="),
        message(Photo=b64encode(b"no picture").decode()),
        message().replace("CFX", "cfx"),
        message().replace("SingleCheckResultMessage0002", "SingleCheckRequestMessage0001"),
        message()[:-1],
        message()[: len(message()) // 2],
        message().encode("gbk"),
        message().encode("utf-16"),
        "<!DOCTYPE CFX [<!ENTITY a '00'>]>"
        + message(head="", CheckResult=None).replace(
            "</SingleCheckResultMessage0002>",
            "<CheckResult>&a;</CheckResult></SingleCheckResultMessage0002>",
        ),
        "<!DOCTYPE CFX SYSTEM 'http://127.0.0.1:9/cfx.dtd'>" + message(head=""),
        "<CFX>" * 100_000,
        "",
        "{}",
        "<html>Bad Gateway</html>",
        b"\0\0\0",
        b"\xff\xfe",
    ],
    ids=range(27),
)
def test_what_is_no_message_0002_about_this_person_is_unreadable(body):
    with pytest.raises(Unreadable) as error:
        answered(body)

    assert error.value.operation == "idnet.check"
    assert NUMBER.text not in str(error.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, NotDone),
        (401, NotDone),
        (429, QuotaExceeded),
        (500, ServerFailed),
        (503, ServerFailed),
        (301, Unreadable),
    ],
)
def test_a_status_tells_what_is_known_of_the_effect(status, kind):
    with pytest.raises(ProviderError) as error:
        answered(message(), status)

    assert type(error.value) is kind
    assert error.value.args == ("idnet.check", f"HTTP {status}")


ink = st.text(st.characters(exclude_characters="<>&", min_codepoint=32, max_codepoint=0x9FFF))
spoilt = st.builds(
    lambda fields, cut, body: message(**fields)[:cut].encode() + body,
    st.dictionaries(
        st.sampled_from(["ID", "Name", "CheckResult", "IssueOffice", "Photo", "Other"]),
        st.none() | ink | st.sampled_from(["00", "01", "02", "04", PHOTO_TEXT]),
        max_size=3,
    ),
    st.none() | st.integers(0, 900),
    st.just(b"") | st.binary(max_size=40),
)


@given(body=spoilt | st.binary(max_size=200), status=st.just(200) | st.integers(100, 599))
def test_whatever_comes_back_is_an_answer_or_a_providers_error(body, status):
    seen = seen_by(body, status)

    if isinstance(seen, ProviderError):
        assert seen.operation == "idnet.check"
    else:
        assert seen.verdict in IdVerdict
        assert (seen.photo is not None) == (seen.verdict is IdVerdict.MATCH)


def seen_by(body, status):
    """Return the answer, or the provider's error; anything else is raised."""
    try:
        return answered(body, status)
    except ProviderError as error:
        return error
