"""Object stores: a folder and a bucket keep one contract, each over what it really stands on."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import zlib
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import mkdtemp

import pytest

from core.adapters.objects import KEPT_MAX, files
from core.adapters.objects.files import ASIDE, LEFT_S, FileObjects
from core.adapters.objects.s3 import Bucket, S3Objects
from core.errors import (
    ConnectionLost,
    InputError,
    MachineError,
    NotDone,
    OutcomeUnknown,
    ProviderError,
    QuotaExceeded,
    ServerFailed,
    TimedOut,
    Unreachable,
    Unreadable,
)
from core.picture import Picture
from core.ports.objects import GetQuery, PutAnswer, PutQuery
from core.ports.trace import Trace
from tests.core.adapters.objects_kit import SECRET, InBucket, InFolder

TRACE = Trace("qiaowu", "app-1", 205, 1, 120.0, date(2020, 7, 2))
ROOT = Path(__file__).resolve().parents[3]
FACE = Picture.named("person-1#face/token-1")


def chunk(kind, data):
    """One chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def drawn(ref):
    """A drawn picture with a name in it: two grey pixels."""
    return Picture.read(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 8, 0, 0, 0, 0))
        + chunk(b"tEXt", b"loanrange\0" + ref.encode())
        + chunk(b"IDAT", zlib.compress(b"\0\x80\x90"))
        + chunk(b"IEND", b"")
    )


def put(store, picture, kind="face"):
    return asyncio.run(store.put(TRACE, PutQuery(kind, picture)))


def get(store, key):
    return asyncio.run(store.get(TRACE, GetQuery(key))).picture


@pytest.fixture
def store(place):
    opened = place.open()
    yield opened
    opened.close()


# The contract.


@pytest.mark.parametrize("picture", [FACE, drawn("person-1#front")], ids=["stand-in", "drawn"])
def test_a_picture_comes_back_as_it_was(store, place, picture):
    kept = put(store, picture)
    assert kept == PutAnswer(f"face/{picture.digest}", created=True)
    assert place.keys() == [kept.key]

    read = get(store, kept.key)
    assert read == picture
    assert read.content == picture.content


def test_the_same_content_is_kept_once(store, place):
    first, again = put(store, FACE), put(store, FACE)
    assert (first.created, again.created) == (True, False)
    assert first.key == again.key
    assert len(place.keys()) == 1


def test_a_picture_of_two_kinds_is_two_objects(store, place):
    keys = [put(store, FACE, kind).key for kind in ("face", "id_card_front")]
    assert place.keys() == sorted(keys)


def test_another_store_of_the_same_place_finds_it(store, place):
    key = put(store, FACE).key
    other = place.open()
    assert get(other, key) == FACE
    assert not put(other, FACE).created
    other.close()


@pytest.mark.parametrize(
    "key",
    [
        "face/" + "0" * 64,
        "id_card_back/" + FACE.digest,
        "face/../face/" + FACE.digest,
        "../" + FACE.digest,
        f"{ASIDE}/{FACE.digest}",
        f"face/{FACE.digest}\n",
        "/etc/passwd",
        "",
    ],
)
def test_nothing_lies_under_a_key_that_was_never_given(store, key):
    put(store, FACE)
    assert get(store, key) is None


@pytest.mark.parametrize("kind", ["", "..", "Face", "a/b", ".aside", "a" * 40])
def test_a_kind_that_is_no_plain_word_is_refused(store, place, kind):
    with pytest.raises(InputError, match="is no key"):
        put(store, FACE, kind)
    assert place.keys() == []


def test_a_picture_that_came_without_its_bytes_is_refused(store, place):
    picture = drawn("person-1#front")
    bare = Picture(picture.ref, picture.digest, picture.size, picture.media)
    with pytest.raises(InputError, match="its bytes are not at hand"):
        put(store, bare)
    assert place.keys() == []


def test_of_writers_at_once_one_is_first(store, place):
    others = [place.open() for _ in range(3)]

    async def all_at_once():
        query = PutQuery("face", FACE)
        return await asyncio.gather(
            *(each.put(TRACE, query) for each in (store, *others) for _ in range(4))
        )

    answers = asyncio.run(all_at_once())
    assert [answer.created for answer in answers].count(True) == 1
    assert len({answer.key for answer in answers}) == 1
    assert len(place.keys()) == 1
    for other in others:
        other.close()


def test_what_is_no_picture_is_unreadable(store, place):
    key = f"face/{FACE.digest}"
    place.write(key, b"not a picture")
    with pytest.raises(Unreadable, match="is no picture"):
        get(store, key)


def test_another_picture_than_the_key_says_is_unreadable(store, place):
    key = f"face/{FACE.digest}"
    place.write(key, drawn("person-2#face").content)
    with pytest.raises(Unreadable, match="has another digest"):
        get(store, key)


def test_where_no_event_loop_runs_the_work_is_done_on_the_spot(store):
    with pytest.raises(StopIteration) as end:
        store.put(TRACE, PutQuery("face", FACE)).send(None)
    assert end.value.value.created


def test_the_event_loop_goes_on_while_a_store_works(store, monkeypatch):
    may_go_on, keep = threading.Event(), type(store)._keep

    async def meanwhile():
        loop, begun = asyncio.get_running_loop(), asyncio.Event()

        def slowly(*asked):
            loop.call_soon_threadsafe(begun.set)
            assert may_go_on.wait(60)
            return keep(*asked)

        monkeypatch.setattr(type(store), "_keep", slowly)
        putting = asyncio.create_task(store.put(TRACE, PutQuery("face", FACE)))
        await begun.wait()
        may_go_on.set()  # only a loop that is free comes here
        return await putting

    assert asyncio.run(meanwhile()).created


# A folder, and what a disk does.


@pytest.fixture
def folder(tmp_path):
    return InFolder(tmp_path / "objects")


@pytest.fixture
def on_disk(folder):
    opened = folder.open()
    yield opened
    opened.close()


def left_aside(folder):
    return list((folder.folder / ASIDE).iterdir())


def failing(number):
    """A function that fails as the system does."""

    def fail(*_asked, **_named):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (errno.ENOSPC, "its disk is full: make room on it"),
        (errno.EDQUOT, "its quota is used up"),
        (errno.EROFS, "its disk is read-only"),
        (errno.EIO, "its disk fails"),
        (errno.ENAMETOOLONG, "File name too long"),
    ],
)
@pytest.mark.parametrize("step", ["mkstemp", "fsync", "hardlink_to", "mkdir"])
def test_a_disk_that_fails_is_one_clear_error_and_keeps_nothing(
    folder, on_disk, monkeypatch, number, told, step
):
    home = {"mkstemp": files, "fsync": os, "hardlink_to": Path, "mkdir": Path}[step]
    with monkeypatch.context() as broken:
        broken.setattr(home, step, failing(number))
        with pytest.raises(NotDone) as error:
            put(on_disk, FACE)
    assert str(error.value) == f"NotDone at objects.put: {error.value.detail}"
    assert error.value.detail.startswith(f"nothing was kept, {folder.folder}: {told}")
    assert folder.keys() == left_aside(folder) == []
    assert put(on_disk, FACE).created, "it goes on as soon as the disk does"


def test_a_disk_that_is_full_in_the_middle_keeps_nothing(folder, on_disk, monkeypatch):
    opened = os.fdopen

    class Half:
        """A file that takes twenty bytes and no more."""

        def __init__(self, file):
            self._file = file

        def write(self, content):
            self._file.write(content[:20])
            failing(errno.ENOSPC)()

    @contextmanager
    def half(descriptor, mode):
        with opened(descriptor, mode) as file:
            yield Half(file)

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdopen", half)
        with pytest.raises(NotDone, match="its disk is full"):
            put(on_disk, FACE)
    assert folder.keys() == left_aside(folder) == []


def test_a_name_that_may_be_lost_again_is_an_unknown_outcome(folder, on_disk, monkeypatch):
    put(on_disk, drawn("somebody"))
    fsync, asked = os.fsync, []

    def second_fails(descriptor):
        asked.append(descriptor)
        return fsync(descriptor) if len(asked) < 2 else failing(errno.EIO)()

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", second_fails)
        with pytest.raises(OutcomeUnknown, match="may be lost again"):
            put(on_disk, FACE)
    assert not put(on_disk, FACE).created
    assert left_aside(folder) == []


@pytest.mark.parametrize("step", ["fsync", "hardlink_to"])
def test_a_crash_before_the_name_is_given_leaves_nothing(folder, on_disk, monkeypatch, step):
    def crash(*_asked):
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr({"fsync": os, "hardlink_to": Path}[step], step, crash)
        with pytest.raises(SystemExit):
            on_disk.put(TRACE, PutQuery("face", FACE)).send(None)
    assert folder.keys() == left_aside(folder) == []


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from core.adapters.objects.files import FileObjects
from core.picture import Picture
from core.ports.objects import PutQuery

def die(*asked):
    os.kill(os.getpid(), signal.SIGKILL)

Path.hardlink_to = die
asyncio.run(FileObjects(sys.argv[1]).put(None, PutQuery("face", Picture.named(sys.argv[2]))))
"""


def test_a_killed_process_leaves_nothing_that_is_found_and_its_rest_is_swept(folder):
    command = [sys.executable, "-c", KILLED, folder.folder, FACE.ref]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    (rest,) = left_aside(folder)

    reopened = folder.open()
    assert folder.keys() == []
    assert get(reopened, f"face/{FACE.digest}") is None
    assert rest.exists(), "somebody may still be writing it"
    reopened.close()

    long_ago = rest.stat().st_mtime - LEFT_S - 60
    os.utime(rest, (long_ago, long_ago))
    swept = folder.open()
    assert left_aside(folder) == []
    assert put(swept, FACE).created
    swept.close()


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_without_second_names_is_renamed_in(folder, on_disk, monkeypatch, number):
    with monkeypatch.context() as poor:
        poor.setattr(Path, "hardlink_to", failing(number))
        assert put(on_disk, FACE).created
        assert not put(on_disk, FACE).created
    assert get(on_disk, f"face/{FACE.digest}") == FACE
    assert left_aside(folder) == []


def test_only_the_owner_may_look(folder, on_disk):
    key = put(on_disk, FACE).key
    for path in (folder.folder / ASIDE, (folder.folder / key).parent, folder.folder / key):
        assert path.stat().st_mode & 0o077 == 0


def test_a_folder_that_went_away_is_an_error_and_not_made_anew(folder, on_disk):
    key = put(on_disk, FACE).key
    folder.folder.rename(folder.folder.with_name("elsewhere"))
    with pytest.raises(NotDone, match="it is gone: bring it back"):
        get(on_disk, key)
    with pytest.raises(NotDone, match="it is gone: bring it back"):
        put(on_disk, FACE)
    assert not folder.folder.exists()


def test_what_cannot_be_read_is_an_error_and_not_nothing(folder, on_disk):
    key = f"face/{FACE.digest}"
    (folder.folder / key).mkdir(parents=True)
    with pytest.raises(NotDone, match="nothing was read"):
        get(on_disk, key)


def test_a_folder_that_cannot_be_one_is_the_machines_fault(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(MachineError, match="name a folder that we may write"):
        FileObjects(tmp_path / "file" / "objects")


# A bucket, and what an endpoint does.


@pytest.mark.parametrize("picture", [FACE, drawn("person-1#front")], ids=["stand-in", "drawn"])
def test_a_picture_is_kept_with_the_media_type_of_its_bytes(clouds, admin, picture):
    place = InBucket(clouds, admin)
    store = place.open()
    key = put(store, picture).key
    head = admin.head_object(Bucket=place.bucket.name, Key=key)
    assert (head["ContentType"], head["ContentLength"]) == ("image/png", len(picture.content))
    store.close()


def test_a_secret_is_not_printed():
    assert SECRET not in repr(Bucket("http://127.0.0.1:1", "b", "bank", SECRET))


class Scripted(BaseHTTPRequestHandler):
    """An endpoint that answers as it was told, request by request."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.asked.append((self.command, self.headers.get("if-none-match")))
        said = self.server.script.pop(0)
        self.wfile.write(said)
        self.close_connection = True

    do_PUT = do_GET = do_HEAD = answer  # noqa: N815  the library's names

    def log_message(self, *_):
        """Say nothing."""


def http(status, body=b"", code="", length=None, **headers):
    """One answer of an endpoint; ``code`` is its error's."""
    if code:
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    length = len(body) if length is None else length
    return (
        f"HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{more}\r\n"
    ).encode() + body


@contextmanager
def endpoint(*script):
    """A server that gives these answers, and a store that asks it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as server:
        server.script, server.asked = list(script), []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        store = S3Objects(Bucket(f"http://127.0.0.1:{server.server_port}", "b", "bank", SECRET))
        yield store, server.asked
        store.close()
        server.shutdown()
        thread.join()


BOTH = [("put", PutQuery("face", FACE)), ("get", GetQuery(f"face/{FACE.digest}"))]


@pytest.mark.parametrize(("operation", "query"), BOTH, ids=["put", "get"])
@pytest.mark.parametrize(
    ("said", "kind", "detail"),
    [
        (http(404, code="NoSuchBucket"), NotDone, "404 NoSuchBucket of bucket 'b'"),
        (http(403, code="AccessDenied"), NotDone, "403 AccessDenied"),
        (http(403, code="SignatureDoesNotMatch"), NotDone, "403 SignatureDoesNotMatch"),
        (http(409, code="ConditionalRequestConflict"), NotDone, "409 Conditional"),
        (http(429, code="TooManyRequests"), QuotaExceeded, "429"),
        (http(503, code="SlowDown"), QuotaExceeded, "503 SlowDown"),
        (http(503, code="ServiceUnavailable"), ServerFailed, "503 ServiceUnavailable"),
        (http(500, code="InternalError"), ServerFailed, "500 InternalError"),
        (http(500, b"<html>"), ServerFailed, "500"),
        (http(404, b"{}"), NotDone, "404"),
        (b"", ConnectionLost, "ConnectionClosedError"),
        (b"garbage\r\n\r\n", ConnectionLost, "ConnectionClosedError"),
    ],
)
def test_a_no_of_an_endpoint_is_told_by_what_is_known_of_the_effect(
    operation, query, said, kind, detail
):
    with endpoint(said) as (store, asked), pytest.raises(ProviderError) as error:
        asyncio.run(getattr(store, operation)(TRACE, query))
    assert type(error.value) is kind
    assert error.value.operation == f"objects.{operation}"
    assert error.value.detail.startswith(detail)
    assert SECRET not in str(error.value)
    assert len(asked) == 1, "nobody but the errand asks again"


def test_a_bucket_that_is_not_there_is_named(clouds):
    store = S3Objects(Bucket(clouds, "no-such-bucket", "bank", SECRET))
    with pytest.raises(NotDone, match="404 NoSuchBucket of bucket 'no-such-bucket'"):
        put(store, FACE)
    with pytest.raises(NotDone, match="404 NoSuchBucket of bucket 'no-such-bucket'"):
        get(store, f"face/{FACE.digest}")
    store.close()


def test_a_name_that_no_bucket_may_have_is_not_even_asked_for(clouds):
    store = S3Objects(Bucket(clouds, "no bucket!", "bank", SECRET))
    with pytest.raises(NotDone, match="Invalid bucket name"):
        put(store, FACE)
    store.close()


def test_an_endpoint_that_is_down_is_unreachable():
    with socket.socket() as taken:  # bound and not listening: nobody else gets the port
        taken.bind(("127.0.0.1", 0))
        store = S3Objects(Bucket(f"http://127.0.0.1:{taken.getsockname()[1]}", "b", "bank", SECRET))
        with pytest.raises(Unreachable):
            put(store, FACE)
        with pytest.raises(Unreachable):
            get(store, f"face/{FACE.digest}")
        store.close()


def test_an_endpoint_that_never_answers_is_timed_out():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        bucket = Bucket(f"http://127.0.0.1:{silent.getsockname()[1]}", "b", "bank", SECRET)
        store = S3Objects(bucket, read_s=0.2)
        with pytest.raises(TimedOut):
            get(store, f"face/{FACE.digest}")
        store.close()


def test_an_answer_cut_short_is_a_lost_connection():
    cut = http(200, FACE.content[:20], length=len(FACE.content))
    with endpoint(cut) as (store, _), pytest.raises(ConnectionLost):
        get(store, f"face/{FACE.digest}")


def test_what_is_larger_than_any_picture_is_not_read():
    with (
        endpoint(http(200, b"x", length=KEPT_MAX + 1)) as (store, _),
        pytest.raises(Unreadable, match="is larger than a picture"),
    ):
        get(store, f"face/{FACE.digest}")


def test_a_put_is_conditional():
    with endpoint(http(200), http(412, code="PreconditionFailed")) as (store, asked):
        assert put(store, FACE).created
        assert not put(store, FACE).created
    assert asked == [("PUT", "*"), ("PUT", "*")]


@pytest.mark.parametrize(
    ("there", "created", "puts"), [(http(404), True, [("PUT", None)]), (http(200), False, [])]
)
def test_an_endpoint_that_knows_no_conditions_is_asked_first(there, created, puts):
    unknown = http(501, code="NotImplemented")
    with endpoint(unknown, there, http(200)) as (store, asked):
        assert put(store, FACE).created is created
    assert asked == [("PUT", "*"), ("HEAD", None), *puts]


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([http(403)], NotDone),
        ([http(500)], ServerFailed),
        ([http(404), http(503, code="SlowDown")], QuotaExceeded),
    ],
)
def test_a_no_after_a_condition_that_is_not_known_is_a_no(script, kind):
    with (
        endpoint(http(501, code="NotImplemented"), *script) as (store, _),
        pytest.raises(ProviderError) as error,
    ):
        put(store, FACE)
    assert type(error.value) is kind


def test_without_boto3_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(MachineError, match=r"pip install 'loanrange\[s3\]'"):
        S3Objects(Bucket("http://127.0.0.1:1", "b", "bank", SECRET))


@pytest.mark.parametrize("address", ["127.0.0.1:9000", "no address", ""])
def test_an_endpoint_that_is_no_address_is_refused(address):
    with pytest.raises(InputError, match="give http://HOST:PORT"):
        S3Objects(Bucket(address, "b", "bank", SECRET))


def test_nobody_imports_boto3_who_opens_no_bucket():
    told = "import sys, core.adapters.objects.s3; sys.exit('boto3' in sys.modules)"
    subprocess.run([sys.executable, "-c", told], cwd=ROOT, check=True)


def test_a_home_without_settings_is_enough(clouds, admin, monkeypatch):
    monkeypatch.setenv("HOME", mkdtemp())
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")  # a store is where its address says
    place = InBucket(clouds, admin)
    store = place.open()
    assert put(store, FACE).created
    store.close()
