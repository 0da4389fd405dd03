"""A folder and a bucket to keep objects in, and how to look behind a store's back."""

from __future__ import annotations

from itertools import count

from core.adapters.objects.files import FileObjects
from core.adapters.objects.s3 import Bucket, S3Objects

SECRET = "a secret of nobody's"
NAMES = count(1)


class InFolder:
    """A folder, and how to look behind the store's back."""

    def __init__(self, folder):
        self.folder = folder

    def open(self):
        return FileObjects(self.folder)

    def keys(self):
        return sorted(f"{path.parent.name}/{path.name}" for path in self.folder.glob("[a-z]*/*"))

    def read(self, key):
        return (self.folder / key).read_bytes()

    def write(self, key, content):
        (self.folder / key).parent.mkdir(exist_ok=True)
        (self.folder / key).write_bytes(content)


class InBucket:
    """A bucket, and how to look behind the store's back."""

    def __init__(self, endpoint, admin):
        self.admin = admin
        self.bucket = Bucket(endpoint, f"pictures-{next(NAMES)}", "bank", SECRET)
        admin.create_bucket(Bucket=self.bucket.name)

    def open(self):
        return S3Objects(self.bucket)

    def keys(self):
        listed = self.admin.list_objects_v2(Bucket=self.bucket.name)
        return sorted(each["Key"] for each in listed.get("Contents", []))

    def read(self, key):
        return self.admin.get_object(Bucket=self.bucket.name, Key=key)["Body"].read()

    def write(self, key, content):
        self.admin.put_object(Bucket=self.bucket.name, Key=key, Body=content)
