"""Pictures as ciphertext: one copy a bank and content, each under a key of its own.

``SealedObjects`` stands over a folder or a bucket and keeps there what only the bank can read. The
flow goes on to say ``KIND/DIGEST``; outside, a picture is called by an HMAC under its bank's naming
key, so that neither name nor bytes tell that two banks keep the same one. (Its length does: it is
the picture's.)

Where the keys lie. A picture's data key lies wrapped in the platform's own store, an ``ObjectKey``,
and not in a sidecar beside the object: to erase is to destroy this key for good, and a bucket with
versions keeps the sidecar that was deleted. In the store it goes in one save with its audit entry,
and of two writers at once one key wins. A backup of the store has the key, too, until the backup is
thrown away, or the bank's older keys are: ``Keyring.rotate``, ``rewrap``, ``retire``.

The order of writing. The key is saved first, then the ciphertext, which is made of key and picture
alone: AES-256-GCM under a key that seals one content, once and for ever, so its nonce is fixed
(NIST SP 800-38D asks that no pair of key and nonce meets two texts). Whoever dies between the two
leaves a key of nothing, and the next put lays the very bytes that were missing; so does whoever
comes at the same moment.
"""

from __future__ import annotations

from functools import partial
from secrets import token_bytes
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.adapters.objects import GET, KEY, checked, proved
from core.adapters.objects.keyring import KEY_BYTES, NONCE_BYTES, Wrapped
from core.errors import InputError, Unreadable
from core.flow.platform import until_saved
from core.ports.objects import GetAnswer, PutAnswer
from core.store.records import ObjectKey

if TYPE_CHECKING:
    from core.adapters.objects import KeptObjects
    from core.adapters.objects.keyring import Keyring, Random
    from core.picture import Picture
    from core.ports.objects import GetQuery, PutQuery
    from core.ports.trace import Trace
    from core.store import Store

FORM = b"LRO1"  # how a sealed picture begins: the form of what follows
FOLDER = "sealed"
NONCE = bytes(NONCE_BYTES)  # of the one message of a key


class SealedObjects:
    """The object store that keeps ciphertext; fulfils :class:`core.ports.objects.Objects`.

    ``under`` keeps the bytes, ``store`` the wrapped keys, ``keyring`` the banks' own; ``random``
    draws the data keys. Whose a picture is says ``trace.bank``. Who opened ``under`` closes it.
    """

    def __init__(
        self, under: KeptObjects, store: Store, keyring: Keyring, random: Random = token_bytes
    ) -> None:
        self._under = under
        self._store = store
        self._keyring = keyring
        self._random = random

    async def put(self, trace: Trace, query: PutQuery) -> PutAnswer:
        """Keep a picture; the same content twice at one bank is one object under one key.

        Raises:
            ProviderError: it may not be kept, or the keyring does not answer.
            InputError: the kind is no plain word, or the picture came without its bytes.
        """
        aside = self._under.aside
        key, content = await aside(checked, query)
        kept = await until_saved(partial(self._key_of, trace.bank, key))
        name = kept.name  # the store's own record may be another one's after the next await
        sealed = await aside(self._seal, kept, key, content)
        return PutAnswer(key, await self._under.lay(name, sealed))

    async def get(self, trace: Trace, query: GetQuery) -> GetAnswer:
        """Fetch a picture of the bank's; None where it has none, or it was erased.

        Raises:
            ProviderError: it could not be fetched, or what lies there is not it (Unreadable).
        """
        if not KEY.fullmatch(query.key):
            return GetAnswer(None)
        kept = await self._store.get(ObjectKey, ObjectKey.id_of(trace.bank, query.key))
        if kept is None or not kept.wrapped:
            return GetAnswer(None)
        name, bound = kept.name, _bound(kept, query.key)
        data_key = await self._under.aside(self._data_key, kept)
        sealed = await self._under.lift(name)
        if sealed is None:
            return GetAnswer(None)  # whoever put it died on the way, and promised nothing
        return GetAnswer(await self._under.aside(_opened, query.key, data_key, sealed, bound))

    async def destroy(self, name: str) -> None:
        """Take away a ciphertext whose key is destroyed (core/flow/erase.py).

        Raises:
            ProviderError: it may still lie there; nobody can read it.
        """
        await self._under.remove(name)

    async def rewrap(self, bank: str) -> int:
        """Wrap the bank's data keys under its newest key; return how many were not.

        No picture is touched. It may be broken off and called again: each key says its version.

        Raises:
            ProviderError: the keyring does not answer, or one key was altered.
        """
        newest, moved = await self._under.aside(self._keyring.newest, bank), 0
        for kept in await self._store.all(ObjectKey, bank):
            if kept.wrapped and kept.kek_version != newest:
                await until_saved(partial(self._rewrap, kept.id))
                moved += 1
        return moved

    async def retire(self, bank: str) -> None:
        """Destroy the bank's older keys: from then on no backup of before opens a picture.

        So what was erased is gone from the backups, too; and so is every other picture, until a
        new one is made. Wait until no put that began before the last ``rotate`` is on its way.

        Raises:
            InputError: a picture still rests on an older key.
        """
        newest = await self._under.aside(self._keyring.newest, bank)
        for kept in await self._store.all(ObjectKey, bank):
            if kept.wrapped and kept.kek_version != newest:
                problem = f"object {kept.id} rests on version {kept.kek_version}"
                raise InputError(f"the older keys of bank {bank!r}", problem, "rewrap first")
        await self._under.aside(self._keyring.retire, bank)

    async def _key_of(self, bank: str, key: str) -> ObjectKey:
        """Return the record of a picture's living key; make one where there is none.

        Raises:
            Stale: somebody else made one at the same moment.
        """
        key_id = ObjectKey.id_of(bank, key)
        known = await self._store.get(ObjectKey, key_id)
        if known is not None and known.wrapped:
            return known
        made = 1 if known is None else known.made + 1
        data_key = self._random(KEY_BYTES)
        wrap, name = self._keyring.wrap, self._keyring.name
        version, wrapped = await self._under.aside(wrap, bank, data_key, _label(key_id, made))
        place = f"{FOLDER}/{await self._under.aside(name, bank, f'{key}/{made}')}"
        fresh = ObjectKey(key_id, bank, place, wrapped, version, made)
        if known is not None:
            fresh.version = known.version
        await self._store.save(fresh)
        return fresh

    async def _rewrap(self, key_id: str) -> None:
        kept = await self._store.get(ObjectKey, key_id)
        if kept is None or not kept.wrapped:
            return  # it was erased meanwhile
        before = kept.version
        data_key = await self._under.aside(self._data_key, kept)
        wrap, label = self._keyring.wrap, _label(key_id, kept.made)
        version, wrapped = await self._under.aside(wrap, kept.bank, data_key, label)
        moved = ObjectKey(key_id, kept.bank, kept.name, wrapped, version, kept.made)
        moved.version = before
        await self._store.save(moved)

    def _data_key(self, kept: ObjectKey) -> bytes:
        wrapped = Wrapped(kept.kek_version, kept.wrapped)
        return self._keyring.unwrap(kept.bank, wrapped, _label(kept.id, kept.made))

    def _seal(self, kept: ObjectKey, key: str, content: bytes) -> bytes:
        sealed = AESGCM(self._data_key(kept)).encrypt(NONCE, content, _bound(kept, key))
        return FORM + sealed


def _label(key_id: str, made: int) -> str:
    """Return what a data key is wrapped for: this object's, and the how-manieth."""
    return f"{key_id}/{made}"


def _bound(kept: ObjectKey, key: str) -> bytes:
    """Return what a ciphertext is bound to: form, bank, kind and digest, key."""
    return "\x1f".join((FORM.decode(), kept.bank, key, str(kept.made))).encode()


def _opened(key: str, data_key: bytes, sealed: bytes, bound: bytes) -> Picture:
    """Return the picture in a ciphertext, if it is the one that was sealed there.

    Raises:
        Unreadable: it was altered, or moved here from elsewhere.
    """
    if not sealed.startswith(FORM):
        raise Unreadable(GET, f"what lies there for {key} was not sealed by us")
    try:
        content = AESGCM(data_key).decrypt(NONCE, sealed[len(FORM) :], bound)
    except InvalidTag:
        problem = f"what lies there for {key} was altered, or belongs elsewhere"
        raise Unreadable(GET, problem) from None
    return proved(key, content)
