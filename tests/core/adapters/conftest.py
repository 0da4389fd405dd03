"""What the tests of object stores share: a folder, and a bucket at an S3 over real HTTP."""

from __future__ import annotations

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.core.adapters.objects_kit import SECRET, InBucket, InFolder


@pytest.fixture(scope="module")
def clouds():
    """An S3 that somebody else wrote, over real HTTP."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def admin(clouds):
    client = boto3.client(
        "s3",
        endpoint_url=clouds,
        region_name="us-east-1",
        aws_access_key_id="admin",
        aws_secret_access_key=SECRET,
    )
    yield client
    client.close()


@pytest.fixture(params=["folder", "bucket"])
def place(request, tmp_path):
    if request.param == "folder":
        return InFolder(tmp_path / "objects")
    return InBucket(request.getfixturevalue("clouds"), request.getfixturevalue("admin"))
