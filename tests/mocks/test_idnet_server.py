"""The ID network over the wire: message 0001 is answered by message 0002, whatever it holds."""

from __future__ import annotations

from base64 import b64decode
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.picture import Picture
from mocks.idnet.behaviour import IdNet
from tests.mocks.face_kit import fronted

PATH = "/idnet/check"
APP = "联网核查公民身份信息系统"
BANK_CODE = "314320000017"


@pytest.fixture(scope="module")
def served():
    with fronted("other", "spent", "failing") as front:
        yield front


@pytest.fixture
def front(served):
    return served.fresh()


@pytest.fixture
def li(front):
    return front.person()


def message(number, name, encoding="UTF-8", **other):
    """Return message 0001 as bytes."""
    said = {"MsgNo": "0001", "BankCode": BANK_CODE, "Root": "CFX", "SRC": BANK_CODE} | other
    return f"""<?xml version="1.0" encoding="{encoding}"?>
    <{said["Root"]}><HEAD><VER>1.0</VER><SRC>{said["SRC"]}</SRC><DES>100000000000</DES>
    <APP>{APP}</APP><MsgNo>{said["MsgNo"]}</MsgNo><MsgID>20200715000000000001</MsgID>
    <MsgRef/><WorkDate>20200715</WorkDate><Reserve/></HEAD>
    <MSG><SingleCheckBusinessHead0001><BankCode>{said["BankCode"]}</BankCode>
    <EntrustDate>20200715090000</EntrustDate><BusinessCode>01</BusinessCode>
    <UserCode>teller</UserCode></SingleCheckBusinessHead0001>
    <SingleCheckRequestMessage0001><ID>{number}</ID><Name>{name}</Name>
    </SingleCheckRequestMessage0001></MSG></{said["Root"]}>""".encode(encoding)


def ask(front, body, status=200, **how):
    """Send a message; return the one that answers, as an element."""
    response = front.client.post(PATH, content=body, **how)
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/xml; charset=")
    # expat knows no GB18030: read as text, which overrules the declaration.
    charset = response.headers["content-type"].rpartition("=")[2]
    root = ElementTree.fromstring(response.content.decode(charset))
    assert (root.tag, root.findtext("HEAD/MsgNo")) == ("CFX", "0002")
    return root


def result(root):
    return {field.tag: field.text or "" for field in root.find("MSG/SingleCheckResultMessage0002")}


def check(front, body, **how):
    return result(ask(front, body, **how))["CheckResult"]


def test_who_agrees_with_the_register_comes_back_with_a_photo(front, li):
    told = result(ask(front, message(li.id_number.text, li.name)))

    assert (told["ID"], told["Name"]) == (li.id_number.text, li.name)
    assert (told["CheckResult"], told["IssueOffice"]) == ("00", li.authority)
    assert Picture.read(b64decode(told["Photo"])) == Picture.named(f"{li.key}#idnet")


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({"register_photo": False}, "01"),
        ({"register_name": "另一人"}, "02"),
        ({"in_register": False}, "03"),
    ],
)
def test_the_result_is_the_truth_of_the_register(front, said, verdict):
    li = front.person(**said)
    told = result(ask(front, message(li.id_number.text, li.name)))

    assert told["CheckResult"] == verdict
    assert told["Photo"] == ""


def test_the_head_answers_the_asking_one(front, li):
    root = ask(front, message(li.id_number.text, li.name))

    head = {field.tag: field.text or "" for field in root.find("HEAD")}
    assert len(head.pop("MsgID")) == 20
    assert head == {
        "VER": "1.0",
        "SRC": "100000000000",
        "DES": BANK_CODE,
        "APP": APP,
        "MsgNo": "0002",
        "MsgRef": "20200715000000000001",
        "WorkDate": "20200715",
        "Reserve": "",
    }
    business = {field.tag: field.text for field in root.find("MSG/SingleCheckResultHead0002")}
    assert business == {
        "BankCode": BANK_CODE,
        "EntrustDate": "20200715090000",
        "BusinessCode": "01",
        "UserCode": "teller",
    }


@pytest.mark.parametrize(
    ("encoding", "answered"),
    [("GB18030", "GB18030"), ("gbk", "GB18030"), ("GB2312", "GB18030"), ("utf-8", "UTF-8")],
)
def test_the_answer_is_written_as_the_question_was(front, encoding, answered):
    li = front.person(name="李明")
    body = message(li.id_number.text, li.name, encoding)
    response = front.client.post(PATH, content=body)

    assert response.headers["content-type"] == f"application/xml; charset={answered}"
    text = response.content.decode(answered)
    assert text.startswith(f'<?xml version="1.0" encoding="{answered}"?>')
    assert "<Name>李明</Name><CheckResult>00</CheckResult>" in text


def test_a_rare_character_travels_in_both_encodings(front):
    li = front.person(name="李𬭚")  # a character of four bytes in either

    for encoding in ("UTF-8", "GB18030"):
        told = result(ask(front, message(li.id_number.text, li.name, encoding)))
        assert (told["Name"], told["CheckResult"]) == ("李𬭚", "00")


def test_a_byte_order_mark_and_no_declaration_are_fine(front, li):
    body = message(li.id_number.text, li.name).partition(b"?>")[2].strip()

    assert check(front, body) == "00"
    assert check(front, b"\xef\xbb\xbf" + body) == "00"


def test_an_old_number_of_fifteen_digits_is_its_successors(front):
    told = result(ask(front, message("320311770706001", "王芳")))

    assert (told["ID"], told["CheckResult"]) == ("320311770706001", "03")


ENTITY = b'<?xml version="1.0"?><!DOCTYPE CFX [<!ENTITY a "x">]><CFX>&a;</CFX>'
LAUGHS = (
    b'<!DOCTYPE CFX [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><CFX>&c;</CFX>'
)
OUTSIDE = b'<!DOCTYPE CFX [<!ENTITY a SYSTEM "file:///etc/hostname">]><CFX>&a;</CFX>'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no XML",
        b"<CFX/>",
        b"<CFX><HEAD></CFX>",
        ENTITY,
        LAUGHS,
        OUTSIDE,
        b"<a>" * 10_000 + b"</a>" * 5_000,
        b"<CFX>" + b"<a>" * 4_000 + b"</a>" * 4_000 + b"</CFX>",
        b'<?xml version="1.0" encoding="UTF-16"?><CFX/>',
        b'<?xml version="1.0" encoding="EBCDIC-CP-US"?><CFX/>',
        "<CFX>李</CFX>".encode("GB18030"),  # not what it is without a declaration
        b"<CFX>\x00</CFX>",
        b" " * (64 * 1024 + 1),
        message("110101199003077758", "李明", MsgNo="0003"),
        message("110101199003077758", "李明", Root="CFW"),
        message("110101199003077758", "李明", BankCode="12345"),
        message("110101199003077758", ""),
        message("110101199003077758", "字" * 51),
        message("", "李明"),
        message("110101199003077750", "李明"),  # its check digit is another
        message("x" * 50_000, "李明"),
    ],
)
def test_what_is_broken_is_a_parameter_error(front, body):
    root = ask(front, body)

    assert result(root)["CheckResult"] == "05"
    assert 1 <= len(root.findtext("HEAD/Reserve")) <= 120


def test_a_number_that_cannot_be_is_not_repeated_in_the_reason(front):
    root = ask(front, message("110101199003077750", "李明"))

    assert "19900307" not in root.findtext("HEAD/Reserve")


def test_another_path_or_method_is_answered_by_a_message_too(front, li):
    body = message(li.id_number.text, li.name)

    for method, path in (("GET", PATH), ("PUT", PATH), ("POST", "/idnet/nothing")):
        response = front.client.request(method, path, content=body)
        assert response.status_code == 200
        assert b"<CheckResult>05</CheckResult>" in response.content


@pytest.mark.parametrize(("name", "status"), [("spent", 429), ("failing", 503)])
def test_a_failing_line_is_another_error(front, li, name, status):
    body = message(li.id_number.text, li.name)
    headers = {"X-Loanrange-Tenant": name}

    assert check(front, body, status=status, headers=headers) == "04"


def test_a_mistake_of_our_own_is_another_error_too(front, li, monkeypatch):
    def broken(*asked):
        raise ZeroDivisionError

    monkeypatch.setattr(IdNet, "check", broken)

    assert check(front, message(li.id_number.text, li.name)) == "04"


def test_the_header_says_whose_register_is_asked(front):
    li = front.person(name="只在此处")
    body = message(li.id_number.text, li.name)

    assert check(front, body) == "00"
    assert check(front, body, headers={"X-Loanrange-Tenant": "other"}) != "00"
    assert check(front, body, headers={"X-Loanrange-Tenant": "nobody"}) == "05"


def test_a_check_is_billed_and_journalled(front, li):
    check(front, message(li.id_number.text, li.name))
    check(front, b"no XML")

    assert front.tenant.billed["idnet.check"] == 1
    assert [call.operation for call in front.tenant.house.journal.calls] == ["idnet.check"]


PIECES = st.sampled_from(
    [
        *(b"<CFX>", b"</CFX>", b"<HEAD>", b"<MsgNo>0001</MsgNo>", b"</HEAD>", b"<MSG>", b"]]>"),
        *(b'<?xml version="1.0" encoding="GB18030"?>', b"<!DOCTYPE CFX>", b"&#1;", b"&lt;"),
        *(b"<![CDATA[", b"<!--", b"\x81\x30\x81\x30", b"\xff\xfe", b"&a;", b"<SRC>"),
    ]
)


@given(st.binary(max_size=400) | st.lists(PIECES | st.binary(max_size=5)).map(b"".join))
def test_whatever_bytes_come_are_answered_by_a_message(served, body):
    assert check(served, body) == "05"


@given(st.text(max_size=60), st.text(max_size=20))
def test_whatever_is_asked_is_answered_by_a_message(served, name, number):
    body = ElementTree.fromstring(message("", ""))
    person = "MSG/SingleCheckRequestMessage0001"
    body.find(f"{person}/Name").text, body.find(f"{person}/ID").text = name, number

    assert check(served, ElementTree.tostring(body, "utf-8")) in {"03", "05"}
