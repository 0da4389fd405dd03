"""What the tests of Tencent Cloud's wire share: a server, tenants, and the vendor's own clients."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode, b64encode
from datetime import date

import pytest
import uvicorn
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from core.picture import Picture, stand_in
from mocks.app import App
from mocks.journal import Journal
from mocks.tenant import Tenant, Tenants
from mocks.tencent import TencentFace
from mocks.wire import Request
from scenarios.hosts.world import World

START = date(2020, 7, 15)
BANK = "bozhi"
VERSIONS = {"ocr": "2018-11-19", "faceid": "2018-03-01", "iai": "2020-03-03"}


class HandClock:
    """Business time that a test moves by hand; nothing takes time."""

    def __init__(self, start=START):
        self.start, self.now_s, self.late = start, 0.0, []

    async def enter(self, visit):
        pass

    async def serve(self, wait_s):
        pass

    def later(self, at_s, happens):
        self.late.append((at_s, happens))


def make_tenant(name, seed=None):
    world = World(7 if seed is None else seed, START, journal=Journal())
    return Tenant(name, world, HandClock())


class Saying:
    """A behaviour that gives set answers and keeps what it was asked."""

    def __init__(self, behaviour, **answers):
        self.OPERATIONS, self.SCOPE = behaviour.OPERATIONS, behaviour.SCOPE
        self.answers, self.asked = answers, []

    def __getattr__(self, name):
        if name not in self.answers:
            raise AttributeError(name)

        def act(trace, query, now_s, draws):
            self.asked.append(query)
            answer = self.answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return act


class Stand:
    """A tenant of its own at the server of all tests."""

    def __init__(self, server, name):
        self.face, self.address, self.tenants = server.face, server.address, server.tenants
        self.tenant = self.tenants.open(name)
        self.clock, self.people = self.tenant.clock, self.tenant.people

    @property
    def known(self):
        return self.tenant.credentials

    def person(self, index=1, **said):
        return self.people.make(BANK, index, **said)

    def says(self, provider, **answers):
        """Let a provider give set answers from now on; return it."""
        behaviours = self.tenant.behaviours
        behaviours[provider] = Saying(behaviours[provider], **answers)
        return behaviours[provider]

    @property
    def calls(self):
        return [call.operation for call in self.tenant.house.journal.calls]

    def profile(self, method="POST", sign="TC3-HMAC-SHA256", **more):
        http = HttpProfile(protocol="http", endpoint=self.address, reqMethod=method)
        profile = ClientProfile(httpProfile=http, signMethod=sign)
        profile.unsignedPayload = more.get("unsigned", False)
        return profile

    def credential(self, key="", token=""):
        return Credential(self.known.secret_id, key or self.known.secret_key, token or None)

    def ask(self, action, params=None, service="faceid", **profile):
        """Call by the vendor's general client; return what stands in the envelope."""
        version = profile.pop("version", None) or VERSIONS[service]
        credential = profile.pop("credential", None) or self.credential()
        client = CommonClient(service, version, credential, "", self.profile(**profile))
        return client.call_json(action, params or {})["Response"]

    def refused(self, action, params=None, service="faceid", **profile):
        """Call, and return the code of the error that must come."""
        with pytest.raises(TencentCloudSDKException) as no:
            self.ask(action, params, service, **profile)
        assert no.value.get_request_id()
        return no.value.get_code()


class Server:
    """The whole app on loopback, with the vendor's face and no other."""

    def __init__(self):
        self.tenants = Tenants(make_tenant)
        self.face = TencentFace(self.tenants, time.time)
        config = uvicorn.Config(
            App(self.face, {}, {}),
            host="127.0.0.1",
            port=0,
            log_level="critical",
            lifespan="off",
            ws="none",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self):
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture(scope="session")
def server():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.delenv(name, raising=False)
            patch.delenv(name.lower(), raising=False)
        with Server() as running:
            yield running


@pytest.fixture
def stand(server, request):
    return Stand(server, request.node.nodeid)  # the same luck in whatever order tests run


# Pictures


def b64(ref):
    """Return a stand-in for the picture of that name, as a client sends it."""
    return b64encode(stand_in(ref)).decode()


def shown_in(text):
    """Return the name of a picture that came back."""
    return Picture.read(b64decode(text)).ref


# Without a socket


def serve(face, request):
    """Answer one request in this thread; return the reply."""
    answering = face.serve(request)
    try:
        answering.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the face waits for something")


def request_of(method="POST", path="/", query=b"", body=b"", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, path, query, named, body, named.get("host", ""))


def envelope(reply):
    """Return what stands in a reply's envelope, which every reply has."""
    assert (reply.status, reply.content_type) == (200, "application/json")
    whole = json.loads(reply.body)
    assert list(whole) == ["Response"]
    assert len(whole["Response"]["RequestId"]) == 36
    return whole["Response"]
