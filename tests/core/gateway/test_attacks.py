"""Whoever means ill: every attack ends in a documented problem that repeats nothing."""

from __future__ import annotations

import asyncio
import json
import struct
from contextlib import suppress
from zlib import compress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.gateway.door import BODY_MAX
from core.gateway.pictures import PARTS_MAX, checked
from core.gateway.sessions import Sessions
from core.picture import BMP, JPEG, PNG, SIZE_MAX, Picture, stand_in
from core.store.records import Entry, Session
from tests.core.gateway.gateway_kit import BANK, CONSENTS, DRAW_FEN, TEXT, Customer, until

MB = 1024 * 1024
MARK = "attack7731"  # stands in everything that is sent here, and in nothing that is answered
EVIL = [
    f"' OR 1=1 -- {MARK}",
    f"../../{MARK}",
    f"..%2f%2e%2e%2f{MARK}",
    f"{MARK}\r\nx-injected: 1",
    f"{MARK}\x00",
    f"{MARK}\x1f{MARK}",
    f"{MARK}\ud800",
    f"{MARK}😀",
    f"{MARK}\u202e\u2066",
    f"<script>{MARK}</script>",
    f"${{jndi:{MARK}}}",
    f"{{{{{MARK}}}}}",
    MARK * 60,
    "",
]
ALLOWED = {400, 403, 404, 405, 409, 413, 415, 422}


def told_nothing(answer, *words):
    """Check that an answer is a problem of a client's, and repeats nothing."""
    assert answer.status in ALLOWED, answer
    assert answer.problem
    text = repr(dict(answer.headers)) + answer.content.decode()
    assert [word for word in (MARK, "x-injected", "Traceback", *words) if word in text] == []
    return answer.said


# --------------------------------------------------------------------------- bodies that are none


def json_of(**said):
    return json.dumps(said).encode()


BODIES = {
    "empty": b"",
    "no JSON": b"attack7731",
    "a list": b"[]",
    "a text": b'"attack7731"',
    "null": b"null",
    "deep": b'{"request":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "deep objects": b'{"a":' * 9_000 + b"1" + b"}" * 9_000,
    "huge number": b'{"request": "a", "amount_fen": ' + b"9" * 10_000 + b"}",
    "large number": b'{"request": "a", "amount_fen": ' + b"9" * 300 + b"}",
    "exponent": b'{"request": "a", "amount_fen": 1e999}',
    "NaN": b'{"request": "a", "amount_fen": NaN}',
    "infinity": b'{"request": "a", "amount_fen": -Infinity}',
    "a fraction": b'{"request": "a", "amount_fen": 1.5}',
    "a number in a text": b'{"request": "a", "amount_fen": "attack7731"}',
    "negative": b'{"request": "a", "amount_fen": -1}',
    "nothing": b'{"request": "a", "amount_fen": 0}',
    "true": b'{"request": "a", "amount_fen": [true]}',
    "too much": b'{"request": "a", "amount_fen": 1000000000001}',
    "said twice": b'{"request": "a", "amount_fen": 200000, "amount_fen": 300000}',
    "unknown field": b'{"request": "a", "amount_fen": 200000, "attack7731": 1}',
    "unknown surrogate": b'{"request": "a", "amount_fen": 200000, "\\ud800attack7731": 1}',
    "surrogate": b'{"request": "\\ud800attack7731", "amount_fen": 200000}',
    "NUL": b'{"request": "\\u0000attack7731", "amount_fen": 200000}',
    "raw control": b'{"request": "\x01attack7731", "amount_fen": 200000}',
    "no UTF-8": b'{"request": "\xff\xfeattack7731", "amount_fen": 200000}',
    "UTF-16": '{"request": "a", "amount_fen": 200000}'.encode("utf-16"),
    "with a mark": b"\xef\xbb\xbf" + b'{"request": "a", "amount_fen": 200000}',
    "two values": b'{"request": "a", "amount_fen": 200000} {}',
    "prototype": b'{"__proto__": {"a": 1}, "request": "a", "amount_fen": 200000}',
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_none_is_told_so_and_does_nothing(play, name):
    async def story(scene):
        customer = await scene.borrower(until="drawdowns")
        headers = {"content-type": "application/json", "idempotency-key": "one"}
        for path in (customer.of("/drawdowns"), "/loans/x/repayments", "/applications"):
            answer = await customer.send("POST", path, content=BODIES[name], headers=headers)
            assert told_nothing(answer) in {(400, "malformed"), (422, "key-reused")}
        assert (await customer.get(customer.of("/drawdowns"))).body["items"] == []

    play(story)


def test_a_login_that_is_none_is_told_so(play):
    async def story(scene):
        path = f"/api/v1/banks/{BANK}/sessions"
        for content in BODIES.values():
            headers = {"content-type": "application/json"}
            answer = await scene.send("POST", path, content=content, headers=headers)
            assert told_nothing(answer) == (400, "malformed")
        assert len(scene.reception.sessions) == 0

    play(story)


@pytest.mark.parametrize(
    "sent",
    [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
    ],
)
def test_a_body_of_another_type_is_told_so(play, sent):
    async def story(scene):
        customer = await scene.registered()
        headers = {"content-type": sent} if sent else {}
        headers["idempotency-key"] = "one"
        content = json_of(consents=CONSENTS, text_version=TEXT)
        answer = await customer.send(
            "POST", customer.of("/consent"), content=content, headers=headers
        )
        assert told_nothing(answer) == (415, "unsupported")
        assert await customer.state() == "registered"

    play(story)


@pytest.mark.parametrize("packed", ["gzip", "br", "deflate", "zstd", "gzip, gzip", "IDENTITY;q"])
def test_a_packed_body_is_not_unpacked(play, packed):
    async def story(scene):
        customer = await scene.registered()
        headers = {"content-encoding": packed, "idempotency-key": "one"}
        content = compress(b"[" * 10 * MB)
        for method, path in (("POST", customer.of("/consent")), ("PUT", "/uploads/id_card_front")):
            answer = await customer.send(method, path, content=content, headers=headers)
            assert told_nothing(answer) == (415, "unsupported")

    play(story)


def test_a_body_that_is_too_long_is_not_read_to_its_end(play):
    async def story(scene):
        customer = await scene.registered()
        sent = 0

        async def much():
            nonlocal sent
            for _ in range(400):
                sent += 1
                yield b"x" * 64 * 1024

        headers = {"content-type": "application/json", "idempotency-key": "one"}
        answers = []
        for method, path, most in (
            ("POST", customer.of("/consent"), BODY_MAX),
            ("PUT", "/uploads/id_card_front", SIZE_MAX + 1),
        ):
            content = b"x" * (most + 1)
            answers.append(await customer.send(method, path, content=content, headers=headers))
            try:  # streamed, so that no header says how long it is
                answers.append(await customer.send(method, path, content=much(), headers=headers))
            except httpx.TransportError:  # the server has closed what it did not read
                assert sent < 400
        for answer in answers:
            assert told_nothing(answer) == (413, "too-large")

    play(story)


# ------------------------------------------------------------------------------ words that are not


@pytest.mark.parametrize("evil", EVIL)
def test_a_word_in_a_field_opens_nothing(play, evil):
    async def story(scene):
        customer = await scene.borrower(until="drawdowns")
        app, headers = customer.of(), {"content-type": "application/json"}
        tries = [
            ("/applications", {"product": evil, "phone_code": evil}),
            (f"{app}/consent", {"consents": [evil], "text_version": evil}),
            (f"{app}/consent", {"consents": CONSENTS, "text_version": evil}),
            (f"{app}/decision", {"face": evil, "other": evil}),
            (f"{app}/account", {"card": evil}),
            (f"{app}/contract", {"signature": evil}),
            (f"{app}/drawdowns", {"request": "a", "amount_fen": DRAW_FEN, "use": evil or MARK}),
            (f"{app}/drawdowns", {"request": evil, "amount_fen": 1}),
            (f"/loans/{'x'}/repayments", {"request": evil, "amount_fen": 1}),
        ]
        for number, (path, said) in enumerate(tries):
            told = {**headers, "idempotency-key": f"{number}"}
            content = json.dumps(said).encode()
            answer = await customer.send("POST", path, content=content, headers=told)
            told_nothing(answer)
        login = {"code": evil, "visit": evil, "referrer": evil}
        path = f"{customer.home}/sessions"
        answer = await scene.send("POST", path, content=json.dumps(login), headers=headers)
        told_nothing(answer)
        assert (await customer.get(customer.of("/drawdowns"))).body["items"] == []

    play(story)


def encoded(evil):
    return "".join(f"%{byte:02X}" for byte in evil.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("evil", [each for each in EVIL if each])
def test_a_word_in_a_path_opens_nothing(play, evil):
    async def story(scene):
        customer = await scene.borrower(until="drawdowns")
        word = encoded(evil)
        paths = [
            f"{customer.home}/applications/{word}",
            f"{customer.home}{customer.of('/drawdowns/')}{word}",
            f"{customer.home}/loans/{word}",
            f"{customer.home}/loans/{word}/quote",
            f"/api/v1/banks/{word}",
            f"/api/v1/banks/{word}/applications",
            f"/api/v1/{word}",
            f"/api/v1/problems/{word}",
        ]
        for path in paths:
            told_nothing(await scene.send("GET", path, headers=customer.bearer))
        for path in paths[:2]:
            told_nothing(await scene.send("DELETE", path, headers=customer.bearer))
        upload = f"{customer.home}/uploads/{word}"
        told_nothing(await scene.send("PUT", upload, headers=customer.bearer, content=b"x"))
        for name in ("cursor", "limit", "on"):
            url = f"{customer.home}/loans?{name}={word}"
            answer = await scene.send("GET", url, headers=customer.bearer)
            assert answer.status in (200, 400)
            assert MARK not in answer.content.decode()

    play(story)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/banks/{bank}/applications%0A",
        "/api/v1/banks/{bank}/applications/",
        "/api/v1/banks//{bank}/applications",
        "/api/v1/banks/{bank}/../{bank}/applications",
        "/api/v1/banks/{bank}/%2e%2e/{bank}/applications",
        "/api/v1//banks/{bank}/applications",
        "/api/v1/Banks/{bank}/applications",
        "/api/v1/banks/{bank};x/applications",
    ],
)
def test_a_path_that_is_spelled_otherwise_shows_nobody_anything(play, path):
    async def story(scene):
        customer = await scene.registered()
        for bearer in ({}, customer.bearer):
            for bank in (BANK, "chunyi"):
                answer = await scene.send("GET", path.format(bank=bank), headers=bearer)
                if answer.status == 200:  # it is our customer's own list, at their own bank
                    assert (bearer, bank) == (customer.bearer, BANK)
                    continue
                assert answer.said in {
                    (401, "no-session"),
                    (403, "other-bank"),
                    (404, "not-found"),
                }

    play(story)


def test_no_answer_leads_where_a_host_header_says(play):
    async def story(scene):
        for path in ("/api/v1/banks/", "/api/v1/healthz/", f"/api/v1/banks/{BANK}/"):
            answer = await scene.send("GET", path, headers={"host": f"{MARK}.example"})
            assert told_nothing(answer) == (404, "not-found")

    play(story)


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PUT", "OPTIONS", "TRACE"])
def test_a_method_that_is_none_of_an_operation_is_told_which_are(play, method):
    async def story(scene):
        answer = await scene.send(method, "/api/v1/banks")
        assert answer.said == (405, "not-allowed")
        assert answer.headers["allow"] == "GET"

    play(story)


# ---------------------------------------------------------------------------------------- pictures


def png(width, height, *more):
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return PNG + chunk(b"IHDR", head) + b"".join(more)


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + b"\0\0\0\0"


def jpeg(width, height, *before):
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\1\x11\0"
    return b"\xff\xd8" + b"".join(before) + frame + b"\xff\xda\0\2" + b"\0" * 16 + b"\xff\xd9"


def bmp(width, height, head=40):
    return BMP + b"\0" * 12 + struct.pack("<Iii", head, width, height) + b"\0" * 64


GOOD = {
    "stand-in": stand_in("somebody#front"),
    "png": png(800, 600),
    "jpeg": jpeg(800, 600, b"\xff\xe0\0\x04ab", b"\xff\xdb\0\x02"),
    "bmp": bmp(800, 600),
    "bmp from above": bmp(800, -600),
}
BAD = {
    "nothing": b"",
    "a page": b"<!doctype html><script>attack7731</script>",
    "a drawing": b'<svg xmlns="http://www.w3.org/2000/svg" onload="attack7731"/>',
    "an archive": b"PK\3\4" + b"attack7731" * 9,
    "a document": b"%PDF-1.7 attack7731",
    "a GIF": b"GIF89a" + b"\1\0\1\0",
    "a page as BMP": b"BM<html><script>alert('attack7731')</script></html>" + b" " * 64,
    "a page as PNG": PNG + b"<html>attack7731</html>" * 9,
    "a page as JPEG": JPEG + b"<html>attack7731</html>" * 9,
    "a script as JPEG": b"\xff\xd8\xff*/=attack7731;/*" + b"a" * 99,
    "PNG of 100,000": png(100_000, 100_000),
    "PNG of a line": png(1, 20_001),
    "PNG of none": png(0, 0),
    "PNG of 2^32": png(2**32 - 1, 2**32 - 1),
    "PNG of many pixels": png(10_000, 10_000),
    "PNG without a head": PNG + chunk(b"IDAT", b"x" * 13),
    "PNG cut": png(1, 1)[:19],
    "JPEG of 65,535": jpeg(65_535, 65_535),
    "JPEG of none": jpeg(0, 5),
    "JPEG cut": jpeg(8, 8)[:8],
    "JPEG without a frame": b"\xff\xd8\xff\xe0\0\2\xff\xd9",
    "JPEG with fill": b"\xff\xd8" + b"\xff" * 100 + jpeg(8, 8)[2:],
    "JPEG of a short segment": b"\xff\xd8\xff\xe0\0\1" + b"\0" * 50,
    "BMP of 100,000": bmp(100_000, 100_000),
    "BMP of less than nothing": bmp(-5, 5),
    "BMP of the lowest number": bmp(5, -(2**31)),
    "BMP cut": BMP + b"\0" * 12,
    "magic alone": PNG,
    "JPEG of parts": b"\xff\xd8" + b"\xff\xe0\0\2" * (PARTS_MAX + 1) + jpeg(8, 8)[2:],
    "PNG of parts": png(8, 8, *[chunk(b"tEXt", b"")] * (PARTS_MAX + 1)),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_picture_is_taken_and_one_over_another_replaces_it(play, name):
    async def story(scene):
        customer = await scene.customer()
        for _ in range(2):
            answer = await customer.upload("id_card_front", GOOD[name])
            assert answer.status == 204
        assert scene.reception.sessions._uploaded == Picture.read(GOOD[name]).size

    play(story)


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_picture_is_not_kept(play, name):
    async def story(scene):
        customer = await scene.customer()
        answer = await customer.upload("id_card_front", BAD[name])
        assert told_nothing(answer) == (415, "unsupported")
        assert scene.reception.sessions._uploaded == 0

    play(story)


@pytest.mark.parametrize("sent", ["text/html", "image/svg+xml", "application/zip", "image/gif"])
def test_a_picture_that_is_sent_as_something_else_is_not_taken(play, sent):
    async def story(scene):
        customer = await scene.customer()
        answer = await customer.upload("id_card_back", GOOD["png"], **{"content-type": sent})
        assert told_nothing(answer) == (415, "unsupported")

    play(story)


@given(st.sampled_from([PNG, JPEG, BMP]), st.binary(max_size=80))
def test_any_bytes_are_a_picture_or_told_to_be_none(magic, more):
    with suppress(InputError):  # and nothing else
        assert checked(magic + more).size <= len(magic + more)


@given(st.binary(max_size=60).map(lambda more: jpeg(8, 8)[:3] + more))
def test_bytes_behind_the_first_of_a_jpeg_never_break_what_reads_them(content):
    with suppress(InputError):
        assert checked(content).media == "image/jpeg"


def test_pictures_of_all_sessions_have_a_bound(monkeypatch):
    monkeypatch.setattr("core.gateway.sessions.UPLOADS_MAX", 5_000)
    serial = iter(range(1_000))
    sessions = Sessions(lambda count: next(serial).to_bytes(count, "big"))
    guests = []
    for number in range(20):
        record = Session(f"V{number}", BANK, f"o{number}", Entry.SCAN, "", "", 0.0)
        guests.append(sessions.open(record, 0.0)[1])
        for side in ("id_card_front", "id_card_back"):
            sessions.keep_upload(guests[-1], side, Picture.of("", png(8, 8) + b"\0" * 967))
        assert sessions._uploaded <= 5_000
        assert sessions._uploaded == sum(p.size for g in guests for p in g.uploads.values())
    assert [len(guest.uploads) for guest in guests] == [0] * 18 + [2, 2]
    sessions.close(guests[-1])
    assert sessions._uploaded == 2_000
    assert sessions.find("0" * 64, 1e9) is None


# ------------------------------------------------------------------------- slow, and curious people


def test_a_slow_client_keeps_nobody_waiting(play):
    async def story(scene):
        customer = await scene.registered()
        port = scene.stack.port
        head = (
            f"POST {customer.home}/applications HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{{"
        )
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
        try:
            for _, writer in slow:
                writer.write(head.encode())
                await writer.drain()
            assert (await customer.get(customer.of())).status == 200
        finally:
            for _, writer in slow:
                writer.close()

    play(story)


def test_a_client_that_goes_away_before_its_answer_takes_nothing_along(play):
    async def story(scene):
        customer = await scene.borrower(until="decision")
        await scene.faults({"provider": "bureau", "kind": "delay", "count": 1})
        asks = (await customer.post(customer.of("/decision"))).body["asks"]
        said = await customer.bring(asks)
        going = asyncio.create_task(customer.post(customer.of("/decision"), said))
        await scene.until_held_up()
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
        await scene.advance(100)
        await until(lambda: not scene.reception.conversations.held)
        await customer.log_in()
        assert await customer.state() == "granted"

    play(story)


async def registers_with(scene, owner):
    """Have a stranger register with somebody's card; return what they are told, and the calls."""
    stranger = await scene.customer()
    shown = Customer(scene, BANK, {**stranger.person, **images_of(owner)})
    shown.token = stranger.token
    await shown.show_card()
    said = {"product": await shown.product(), "phone_code": await shown.phone_code()}
    before = len(scene.journal)
    answer = await shown.post("/applications", said)
    listed = await shown.get("/applications")
    return answer.status, answer.content, listed.content, scene.journal[before:]


def images_of(person):
    return {name: person[name] for name in ("id_card_image", "id_card_back_image")}


def test_whether_a_card_is_known_to_the_bank_is_not_told_to_who_registers_with_it(play):
    async def story(scene):
        customer = await scene.borrower(until="loan")
        known = await registers_with(scene, customer.person)
        unknown = await registers_with(scene, await scene.person())
        assert known == unknown
        assert (known[0], json.loads(known[1])["code"]) == (422, "R107")  # the phone is another's
        assert await customer.state() == "active"

    play(story)


def test_who_comes_with_a_second_openid_is_a_customer_of_their_own_and_is_told_nothing(play):
    """The same person, card and phone in another WeChat account: asked and answered as a first."""

    async def story(scene):
        first = await scene.borrower(until="loan")
        code = await scene.control("device/login", openid="o-second")
        said = {"code": code["js_code"], "visit": "second"}
        answer = await scene.send("POST", f"{first.home}/sessions", json=said)
        assert (answer.status, answer.body["applications"]) == (201, [])
        second = first.again()
        second.token = answer.body["token"]
        for path in ("/applications", "/loans", "/messages"):
            assert (await second.get(path)).body["items"] == []
        assert (await second.get(first.of())).said == (404, "not-found")
        calls = len(scene.journal)
        answer = await second.register()
        fresh = len(scene.journal)
        other = await scene.registered()
        theirs = scene.journal[fresh:]
        assert answer.body["id"] not in {first.app, other.app}
        assert scene.journal[calls:fresh] == [call for call in theirs if call > 200]

    play(story)


@pytest.mark.parametrize("kind", ["applications", "loans"])
def test_what_is_anothers_is_answered_as_what_is_nobodys(play, kind):
    async def story(scene):
        owner, thief = await scene.borrower(until="loan"), await scene.borrower(until="loan")
        theirs = owner.app if kind == "applications" else owner.loan
        nobodys = theirs[0] + "0" * 24
        for path in ("", "/decision", "/line", "/schedule", "/quote", "/drawdowns"):
            answers = [await thief.get(f"/{kind}/{name}{path}") for name in (theirs, nobodys, MARK)]
            assert len({(answer.status, answer.content) for answer in answers}) == 1
            told_nothing(answers[0], theirs)

    play(story)
