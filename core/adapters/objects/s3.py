"""Objects in a bucket, at any endpoint that speaks S3: ``<kind>/<digest>``, each written once.

A put is conditional (``If-None-Match: *``), so the second of two writers is told that the object is
there; an endpoint that does not know conditions is asked before it is given. boto3 is imported
when a store is opened, and only then: it is the extra ``s3``.

boto3 does not retry here: the errand has one retry budget, and no layer below adds to it.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from core.adapters.objects import GET, KEPT_MAX, PUT, REMOVE, WORKERS, KeptObjects
from core.errors import (
    ConnectionLost,
    InputError,
    MachineError,
    NotDone,
    ProviderError,
    QuotaExceeded,
    ServerFailed,
    TimedOut,
    Unreachable,
    Unreadable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

# What botocore raises, by what is known of the effect; by name, since it may not be installed. An
# error counts as the nearest of its classes that stands here.
FAULTS: dict[str, type[ProviderError]] = {
    "EndpointConnectionError": Unreachable,
    "ConnectTimeoutError": Unreachable,
    "ProxyConnectionError": Unreachable,
    "SSLError": Unreachable,
    "ReadTimeoutError": TimedOut,
    "HTTPClientError": ConnectionLost,
    "ResponseStreamingError": ConnectionLost,
    "IncompleteReadError": ConnectionLost,
    "ResponseParserError": Unreadable,
    "BotoCoreError": NotDone,  # it did not like our own request, and sent none
}
SLOW_DOWN = frozenset({"SlowDown", "RequestLimitExceeded", "Throttling", "TooManyRequests"})
THERE = 412  # the object is there: the condition of the put was not met


@dataclass(slots=True)
class Bucket:
    """Where the objects lie, and who we are there.

    ``addressing`` is ``path`` (the bucket in the path, which every endpoint of one's own
    understands) or ``virtual`` (in the host name, which some clouds demand).
    """

    endpoint: str
    name: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    addressing: str = "path"


class S3Objects(KeptObjects):
    """The object store in a bucket. Times are for one attempt: to connect, and between two reads.

    Raises:
        MachineError: boto3 is not installed.
        InputError: the endpoint is no address, or the machine's AWS settings contradict it.
    """

    def __init__(
        self,
        bucket: Bucket,
        connect_s: float = 3.0,
        read_s: float = 10.0,
        workers: int = WORKERS,
    ) -> None:
        try:
            boto3 = import_module("boto3")
            config = import_module("botocore.config").Config
            known = import_module("botocore.exceptions")
            parsers = import_module("botocore.parsers")
        except ImportError as error:
            problem = f"objects in S3 need boto3, which is not here ({error})"
            raise MachineError(problem, "pip install 'loanrange[s3]'") from error
        self._bucket = bucket.name
        self._refused: type[Exception] = known.ClientError
        self._faults = (known.BotoCoreError, parsers.ResponseParserError)
        try:
            self._client: Any = _session(boto3).client(
                "s3",
                endpoint_url=bucket.endpoint,
                region_name=bucket.region,
                aws_access_key_id=bucket.access_key,
                aws_secret_access_key=bucket.secret_key,
                config=config(
                    connect_timeout=connect_s,
                    read_timeout=read_s,
                    retries={"total_max_attempts": 1},
                    max_pool_connections=workers,
                    proxies={},  # the machine's are not used: a store is where its address says
                    s3={"addressing_style": bucket.addressing},
                    # The newer checksums are unknown to many endpoints; the digest is our proof.
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                ),
            )
        except (ValueError, known.BotoCoreError) as error:
            place = f"object store at {bucket.endpoint!r}"
            raise InputError(place, str(error), "give http://HOST:PORT") from error
        super().__init__(workers)

    def close(self) -> None:
        """Finish what is on its way, end the threads, and close the connections."""
        super().close()
        self._client.close()

    def _keep(self, key: str, content: bytes, media: str) -> bool:
        told = {"Key": key, "Body": content, "ContentType": media}
        try:
            self._ask(PUT, self._client.put_object, **told, IfNoneMatch="*")
        except _Refusal as refusal:
            if refusal.status == THERE:
                return False
            if refusal.status != 501:  # which a few endpoints say of a condition
                raise refusal.error from None
            return self._keep_unconditionally(told)
        return True

    def _keep_unconditionally(self, told: dict[str, Any]) -> bool:
        """Look first, then put; of two writers at once both are told that they were first."""
        try:
            self._ask(PUT, self._client.head_object, Key=told["Key"])
        except _Refusal as refusal:
            if refusal.status != 404:
                raise refusal.error from None
        else:
            return False
        try:
            self._ask(PUT, self._client.put_object, **told)
        except _Refusal as refusal:
            raise refusal.error from None
        return True

    def _fetch(self, key: str) -> bytes | None:
        try:
            content: bytes = self._ask(GET, self._read, Key=key)
        except _Refusal as refusal:
            if refusal.code == "NoSuchKey":
                return None
            raise refusal.error from None
        return content

    def _remove(self, key: str) -> None:
        try:  # an endpoint says yes, too, where nothing lies; one with versions keeps the old one
            self._ask(REMOVE, self._client.delete_object, Key=key)
        except _Refusal as refusal:
            raise refusal.error from None

    def _read(self, **told: Any) -> bytes:
        answer = self._client.get_object(**told)
        with closing(answer["Body"]) as body:
            if not answer.get("ContentLength", KEPT_MAX + 1) <= KEPT_MAX:
                raise Unreadable(GET, f"what lies under {told['Key']} is larger than a picture")
            content: bytes = body.read()
            return content

    def _ask(self, operation: str, method: Callable[..., Any], **told: Any) -> Any:
        """Ask the endpoint once; what it refuses is a ``_Refusal``, what fails its own kind."""
        try:
            return method(Bucket=self._bucket, **told)
        except self._refused as error:
            raise _Refusal(operation, self._bucket, error) from error
        except self._faults as error:
            names = [kind.__name__ for kind in type(error).__mro__]
            fault = next(FAULTS[name] for name in names if name in FAULTS)
            raise fault(operation, f"{type(error).__name__}: {error}") from error


@cache
def _session(boto3: Any) -> Any:
    """Return the session that all stores of this process are opened from.

    It holds the service's model, whose reading takes a third of a second.
    """
    return boto3.session.Session()


class _Refusal(Exception):
    """An answer of the endpoint that is a no; ``error`` is what it means to whoever asked."""

    def __init__(self, operation: str, bucket: str, raised: Any) -> None:
        super().__init__(operation, bucket, raised)
        told = raised.response
        self.status: int = told.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        self.code: str = told.get("Error", {}).get("Code", "")
        kind = _meaning(self.status, self.code)
        self.error = kind(operation, f"{self.status} {self.code} of bucket {bucket!r}")


def _meaning(status: int, code: str) -> type[ProviderError]:
    """Return what a refusal means: slow down, the endpoint's own fault, or ours."""
    if status == 429 or code in SLOW_DOWN:
        return QuotaExceeded
    if status >= 500:
        return ServerFailed
    return NotDone if status >= 300 else Unreadable
