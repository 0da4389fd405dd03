"""What the tests of the published table share: a stand, and a plain call of every wire."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from urllib.parse import urlencode

import httpx

from mocks.control.published import SERVICES
from mocks.journal import Journal
from mocks.line import ASSUMED, Fault
from mocks.tenant import Tenant
from mocks.tencent import PRODUCTS
from scenarios.hosts.world import World
from tests.mocks.rest_kit import BANK, BANKS
from tests.mocks.tencent_kit import b64

START = date(2020, 7, 15)
NINE = 9 * 3600.0
DAY_S = 86_400
WINDOWS_S = {"second": 1, "minute": 60, "day": DAY_S}
LIMIT_S = 10.0
TENCENTS = ("ocr", "carrier", "face")
ACTION = {"ocr": "IDCardOCR", "carrier": "MobileStatus", "face": "DetectAuth"}
SERVICE_OF = {name: service for service, one in PRODUCTS.items() for name in one.actions}
MESSAGE = """<?xml version="1.0" encoding="{encoding}"?><{root}><HEAD><SRC>1</SRC>
<MsgNo>{number}</MsgNo><MsgID>1</MsgID></HEAD><MSG><SingleCheckBusinessHead0001>
<BankCode>{bank}</BankCode></SingleCheckBusinessHead0001><SingleCheckRequestMessage0001>
<ID>{id}</ID><Name>{name}</Name></SingleCheckRequestMessage0001></MSG></{root}>"""


class Still:
    """A business clock that stands until a test moves it; what takes time is added up."""

    def __init__(self):
        self.start, self.now_s, self.late, self.waited_s = START, NINE, [], 0.0

    async def enter(self, visit):
        pass

    async def serve(self, wait_s):
        self.waited_s += wait_s

    def later(self, at_s, happens):
        self.late.append((at_s, happens))


def make_tenant(name, seed=None, per_s=None):
    profiles = {each: replace(one, quota_per_s=per_s) for each, one in ASSUMED.items()}
    world = World(seed or 7, START, banks=BANKS, products={}, journal=Journal(), profiles=profiles)
    return Tenant(name, world, Still())


@dataclass(frozen=True)
class Seen:
    """What a client sees of an answer: its code, "" where nothing is wrong, and the status."""

    code: str
    status: int


@dataclass
class Stand:
    """The whole stack on loopback, its default tenant opened anew, and who asks it."""

    tenants: object
    url: str
    client: httpx.Client
    logins: int = 0

    def fresh(self, per_s=None):
        """Open the default tenant anew; ``per_s`` is the quota of all its lines."""
        self.tenants.seat(make_tenant("default", per_s=per_s))
        return self

    @property
    def tenant(self):
        return self.tenants.default

    @property
    def known(self):
        return self.tenant.credentials

    @property
    def told(self):
        """What is published of the providers now."""
        return self.client.get("/_control/providers").json()["providers"]

    @property
    def billed(self):
        return self.client.get("/_control/invoice").json()["billed"]

    def person(self, index=1, **said):
        return self.tenant.people.make(BANK, index, holds_card=True, **said)

    def after(self, seconds):
        """Move the business clock."""
        self.tenant.clock.now_s += seconds

    def plan(self, provider, kind, **said):
        self.tenant.house.lines[provider].faults[:] = [Fault(provider, kind, **said)]

    # Tencent Cloud

    def tencent(self, action, params=None, **how):
        """Call an action, signed; return what stands in the envelope."""
        return self.tencent_sent(action, params, **how).json()["Response"]

    def tencent_sent(self, action, params=None, **how):
        """Send a request of which any part may be wrong; what else is named is a header."""
        at, method = int(how.pop("at", time.time())), how.pop("method", "POST")
        key, secret_id = how.pop("key", self.known.secret_key), how.pop("id", self.known.secret_id)
        service = how.pop("service", None) or SERVICE_OF.get(action, "faceid")
        body = how.pop("body", None) or json.dumps(params or {}).encode()
        query, path = how.pop("query", ""), how.pop("path", "/")
        sent = {
            "host": self.url.removeprefix("http://"),
            "content-type": how.pop("media", "application/json"),
            "x-tc-action": action,
            "x-tc-version": how.pop("version", PRODUCTS.get(service, PRODUCTS["faceid"]).version),
            "x-tc-timestamp": str(at),
            **how,
        }
        day = datetime.fromtimestamp(at, UTC).date().isoformat()
        lines = "".join(f"{name}:{sent[name]}\n" for name in ("content-type", "host"))
        hashed = hashlib.sha256(b"" if method == "GET" else body).hexdigest()
        canonical = f"{method}\n/\n{query}\n{lines}\ncontent-type;host\n{hashed}"
        scope = f"{day}/{service}/tc3_request"
        text = f"TC3-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signing = f"TC3{key}".encode()
        for part in (day, service, "tc3_request"):
            signing = hmac.digest(signing, part.encode(), "sha256")
        signature = hmac.new(signing, text.encode(), "sha256").hexdigest()
        sent.setdefault(
            "authorization",
            f"TC3-HMAC-SHA256 Credential={secret_id}/{scope}, SignedHeaders=content-type;host, "
            f"Signature={signature}",
        )
        address = f"{path}?{query}" if query else path
        return self.client.request(method, address, headers=sent, content=body)

    def signed_the_old_way(self, **other):
        """Send a request by the method of signing that tells its parameters in the query."""
        told = {
            **dict.fromkeys(("Action", "Version", "Nonce", "SecretId", "Signature"), "x"),
            "Timestamp": int(time.time()),
            **other,
        }
        return self.client.get(f"/?{urlencode(told)}")

    # WeChat

    def wechat(self, path, *, token=None, **params):
        """Ask by GET, with appid and secret, or with a token."""
        known = {"appid": self.known.appid, "secret": self.known.app_secret}
        query = known | params if token is None else {"access_token": token} | params
        return self.client.get(path, params={k: v for k, v in query.items() if v is not None})

    def posted(self, path, body, token=None):
        query = {} if token is None else {"access_token": token}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(path, params=query, content=content)

    def token(self):
        return self.wechat("/cgi-bin/token", grant_type="client_credential").json()["access_token"]

    def stable(self, **other):
        known = {"appid": self.known.appid, "secret": self.known.app_secret}
        body = {**known, "grant_type": "client_credential", **other}
        return self.posted("/cgi-bin/stable_token", body)

    def login(self, person, nonce="n", **other):
        code = self.tenant.behaviours["wechat"].device_login(
            person.openid, nonce, self.tenant.now_s
        )
        said = {"js_code": code, "grant_type": "authorization_code"} | other
        return self.wechat("/sns/jscode2session", **said)

    # The others

    def message(self, **other):
        """Ask the ID network; the parts of the message may be wrong."""
        li = self.person()
        said = {"root": "CFX", "number": "0001", "bank": "3" * 12, "encoding": "UTF-8"}
        said |= {"id": li.id_number.text, "name": li.name}
        method, path = other.pop("method", "POST"), other.pop("path", "/idnet/check")
        body = other.pop("body", None) or MESSAGE.format(**(said | other)).encode()
        return self.client.request(method, path, content=body)

    def screened(self, body=None, *, path="/match/default", method="POST", headers=None):
        subject = {"schema": "Person", "properties": {"name": [self.person().name]}}
        content = json.dumps({"queries": {"q": subject}}).encode() if body is None else body
        return self.client.request(method, path, content=content, headers=headers)

    def rest(self, provider, name="", body=None, *, method="POST", **headers):
        """Ask one of our own providers: its first operation and that one's example, but for..."""
        post = SERVICES[provider].posts[0]
        told = post.example if body is None else body
        content = told if isinstance(told, bytes) else json.dumps(told).encode()
        sent = {"content-type": "application/json", **headers}
        path = f"/{provider}/v1/{name or post.name}"
        return self.client.request(method, path, content=content, headers=sent)

    # Whoever it is

    def ask(self, provider):
        """Ask a provider something that it can answer; return what is seen."""
        li = self.person()
        if provider in TENCENTS:
            params = {
                "IDCardOCR": {"ImageBase64": b64(f"{li.key}#front")},
                "MobileStatus": {"Mobile": li.phone.text},
                "DetectAuth": {
                    "RuleId": self.known.rule_id,
                    "IdCard": li.id_number.text,
                    "Name": li.name,
                },
            }[ACTION[provider]]
            return of_tencent(self.tencent_sent(ACTION[provider], params))
        if provider == "wechat":
            self.logins += 1
            return of_wechat(self.login(li, f"login {self.logins}"))
        if provider == "idnet":
            return of_idnet(self.message())
        if provider == "sanctions":
            return of_sanctions(self.screened())
        return of_rest(self.rest(provider))


def of_tencent(answer):
    assert list(answer.json()) == ["Response"]
    return Seen(answer.json()["Response"].get("Error", {"Code": ""})["Code"], answer.status_code)


def of_wechat(answer):
    told = answer.json() if answer.headers["content-type"].startswith("application/json") else {}
    code = told.get("errcode", 0)
    return Seen(str(code) if code else "", answer.status_code)


def of_idnet(answer):
    """Return the result, where it is one of the two that tell of an error."""
    result = answer.text.partition("<CheckResult>")[2].partition("<")[0]
    wrong = result in ("04", "05")
    return Seen(result if wrong else "", answer.status_code)


def reserve_of(answer):
    return answer.text.partition("<Reserve>")[2].partition("<")[0]


def of_sanctions(answer):
    return Seen(answer.json().get("detail", ""), answer.status_code)


def of_rest(answer):
    if answer.status_code < 400:
        return Seen("", answer.status_code)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    return Seen(problem["title"], answer.status_code)
