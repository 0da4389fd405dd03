"""The object store: each content once, whoever brings it, however often."""

from __future__ import annotations

from core.picture import Picture
from core.ports.objects import GetQuery, PutQuery
from mocks.objects.behaviour import Objects


def put(store, trace, ref, kind="face", bank="b01"):
    return store.put(trace(bank=bank), PutQuery(kind, Picture.named(ref)), 0.0, None)


def test_a_picture_is_kept_once_and_found_again(trace):
    store, picture = Objects(), Picture.named("li#front")

    first = put(store, trace, "li#front")
    again = put(store, trace, "li#front", bank="b02")

    assert (first.created, again.created) == (True, False)
    assert first.key == again.key == f"face/{picture.digest}"
    assert store.get(trace(), GetQuery(first.key), 0.0, None).picture == picture
    assert (len(store), store.bytes_kept) == (1, picture.size)


def test_kinds_and_contents_are_kept_apart(trace):
    store = Objects()
    keys = {put(store, trace, ref, kind).key for ref in ("a", "b") for kind in ("face", "back")}

    assert len(keys) == len(store) == 4


def test_nothing_lies_under_an_unknown_key(trace):
    assert Objects().get(trace(), GetQuery("face/0"), 0.0, None).picture is None
