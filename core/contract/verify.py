"""Verification: whether a contract's evidence holds, and if not, what exactly was altered.

Source: Electronic Signature Law art. 13: any later change to the signature or to the content can be
found. This is the bank's own half: it shares no code with the deposit, reads its bytes with another
library, and believes only the root certificate it was given.

A record's parts vouch for each other, which is how one that was altered is told from those that
only follow from it: two digests over one content, a signature over both, a certificate that names
document and will, a receipt over all of them, a chain value over receipt and time, and a time token
over that. What follows from an altered part is not named again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from core.contract import timetoken
from core.contract.canonical import digests
from core.contract.certificates import (
    NotOurs,
    SignerCertificate,
    person_of,
    require_alive,
    revoked_at,
    signer_of,
)
from core.contract.evidence import (
    BEIJING,
    RECEIPTED,
    Finding,
    Package,
    Part,
    bytes_of,
    link_of,
    moment_of,
    package_of,
    receipt_of,
    signature_holds,
    signed_bytes,
    told,
)
from core.contract.paper import contract_of

if TYPE_CHECKING:
    from cryptography import x509

    from core.contract.timetoken import Stamp
    from core.ports.evidence import ReadAnswer
    from core.store.records import Contract

A_DAY = timedelta(days=1)


def verify(package: Package, root: bytes, now: datetime | None = None) -> list[Finding]:
    """Return everything in a package that does not hold; nothing, where it is whole.

    ``root`` is the DER of the authority's root, which the bank has from elsewhere. ``now`` is the
    moment of asking: a stamp that lies after it comes from a clock that is ahead.
    """
    if not package.record.found:
        return [Finding(Part.RECORD, "there is no such deposit")]
    case = _Case(package)
    case.open_certificate(root)
    case.open_token(root)
    case.check_content()
    case.check_act()
    case.check_signature()
    case.check_record()
    case.check_chain()
    case.check_times(now)
    return case.findings


def verify_kept(
    contract: Contract, record: ReadAnswer, root: bytes, now: datetime | None = None
) -> list[Finding]:
    """Return what does not hold of a deposit, or of the bank's own copy of what it says.

    The chain value kept at signing is what shows an earlier record that was written anew with
    everything after it.
    """
    found = verify(package_of(contract, record), root, now)
    named = {finding.part for finding in found}
    for name, part in KEPT.items():
        if record.found and part not in named and getattr(contract, name) != getattr(record, name):
            found.append(Finding(part, f"the bank's own copy of {name} says something else"))
    return found


KEPT: dict[str, Part] = {
    "digest": Part.SHA256,
    "sm3": Part.SM3,
    "signature": Part.SIGNATURE,
    "consent_version": Part.CONSENT,
    "will": Part.WILL,
    "public_key": Part.RECORD,
    "certificate": Part.RECORD,
    "stamped_at": Part.RECORD,
    "chain": Part.EARLIER,
}


@dataclass(slots=True)
class _Case:
    """One package under examination. What a check finds out, the next ones build on."""

    package: Package
    findings: list[Finding] = field(default_factory=list)
    signer: SignerCertificate | None = None
    issuer: x509.Certificate | None = None
    stamp: Stamp | None = None
    said: dict[str, Any] | None = None  # the contract, where its content is what was signed
    digests: tuple[str, str] = ("", "")  # those that were signed

    def found(self, part: Part, problem: str) -> None:
        self.findings.append(Finding(part, problem))

    def has(self, *parts: Part) -> bool:
        return any(finding.part in parts for finding in self.findings)

    def open_certificate(self, root: bytes) -> None:
        try:
            chain = [bytes_of(each) for each in self.package.record.certificates]
            self.signer, self.issuer = signer_of(chain, root)
        except ValueError as error:
            self.found(Part.CERTIFICATE, str(error))

    def open_token(self, root: bytes) -> None:
        try:
            self.stamp = timetoken.read(bytes_of(self.package.record.token), root)
        except ValueError as error:
            self.found(Part.STAMP, str(error))

    def check_content(self) -> None:
        """Tell an altered content from an altered digest: by the other digest, or the signature."""
        record = self.package.record
        true, stated = digests(self.package.content), (record.digest, record.sm3)
        self.digests = true
        if true[0] != stated[0] and true[1] != stated[1] and not self._signed(true):
            self.digests = stated
            self.found(Part.CONTENT, "it is not what was signed")
            return
        if true[0] != stated[0]:
            self.found(Part.SHA256, "it is not the content's")
        if true[1] != stated[1]:
            self.found(Part.SM3, "it is not the content's")
        try:
            self.said = contract_of(self.package.content)
        except ValueError as error:
            self.found(Part.CONTENT, str(error))

    def check_act(self) -> None:
        """Check what was signed, by whom, and on what act of will, against content and signer."""
        record, said, signer = self.package.record, self.said, self.signer
        if said is not None:
            if said["document"] != record.document:
                self.found(Part.DOCUMENT, "the contract has another number")
            if said["agreed"]["consent_version"] != record.consent_version:
                self.found(Part.CONSENT, "the contract names another version")
            if said["agreed"]["lender"]["id"] != self.package.bank:
                self.found(Part.RECORD, "it is another bank's contract")
        if signer is None:
            return
        if sha256(record.will.encode()).hexdigest() != signer.will:
            self.found(Part.WILL, "the certificate was made for another act of will")
        if said is None:
            if signer.document != record.document:
                self.found(Part.DOCUMENT, "the certificate was made for another document")
            return
        borrower = said["borrower"]
        person = person_of(said["document"], borrower["id_number"])
        if (signer.document, signer.name, signer.person) != (
            said["document"],
            borrower["name"],
            person,
        ):
            self.found(Part.CERTIFICATE, "it was made for another signer or document")

    def check_signature(self) -> None:
        if not self.has(Part.WILL) and not self._signed(self.digests):
            self.found(Part.SIGNATURE, "it does not hold")

    def check_record(self) -> None:
        """Check what the record says twice, and its receipt, which is the hash of all its parts."""
        record, signer = self.package.record, self.signer
        if signer is not None and record.public_key != signer.public_key:
            self.found(Part.RECORD, "its public key is not the certificate's")
        if signer is not None and record.certificate != signer.serial:
            self.found(Part.RECORD, "its serial number is not the certificate's")
        if not self.has(*RECEIPTED) and receipt_of(self.package) != self.package.receipt:
            self.found(Part.RECORD, "its receipt is not the hash of its parts")

    def check_chain(self) -> None:
        """Tell an altered link from what it links: the time token holds the true chain value."""
        record, stamp = self.package.record, self.stamp
        before, receipt, at = record.before, self.package.receipt, record.stamped_at
        link = link_of(before, receipt, at)
        if link == record.chain:
            if stamp is not None and stamp.hashed != link:
                self.found(Part.STAMP, "it stamps something else")
            elif stamp is not None and moment_of(stamp.at) != at:
                self.found(Part.STAMP, f"the record is of another time, {told(at)}")
            return
        if stamp is None or stamp.hashed == link:
            self.found(Part.RECORD, "its chain value is not that of its parts")
        elif stamp.hashed == link_of(before, receipt, moment_of(stamp.at)):
            self.found(Part.RECORD, "its time is not the one that was stamped")
        elif stamp.hashed != link_of(before, receipt_of(self.package), at):
            self.found(Part.EARLIER, "the chain value before is not the one it was chained to")
        elif not self.has(Part.RECORD):
            self.found(Part.RECORD, "its receipt is not the one that was chained")

    def check_times(self, now: datetime | None) -> None:
        """Check the moment of the stamp against certificate, revocations, contract and clock."""
        stamp, signer, issuer = self.stamp, self.signer, self.issuer
        if stamp is None:
            return
        if now is not None and stamp.at > now:
            self.found(Part.STAMP, "it is from the future: a clock is ahead")
        if self.said is not None:
            signed_on = date.fromisoformat(self.said["signed_on"])
            day = stamp.at.astimezone(BEIJING).date()
            if not signed_on <= day <= signed_on + A_DAY:
                self.found(Part.STAMP, f"it is of {day}, the contract of {signed_on}")
        if signer is None or issuer is None:
            return
        if stamp.at < signer.since:
            self.found(Part.STAMP, "it is older than the certificate: before the signature")
        if stamp.at > signer.until:
            self.found(Part.CERTIFICATE, f"it had expired on {signer.until}, before the stamp")
        try:
            require_alive(issuer, stamp.at)
        except NotOurs as error:
            self.found(Part.CERTIFICATE, f"its issuer: {error}")
        self._check_revocations(signer, issuer, stamp)

    def _check_revocations(
        self, signer: SignerCertificate, issuer: x509.Certificate, stamp: Stamp
    ) -> None:
        try:
            listed = bytes_of(self.package.record.revoked)
            since = revoked_at(signer.serial, listed, issuer, stamp.at)
        except ValueError as error:
            self.found(Part.REVOCATIONS, str(error))
            return
        if since:
            self.found(Part.CERTIFICATE, f"it was revoked on {since}, before the stamp")

    def _signed(self, hashed: tuple[str, str]) -> bool:
        """Whether the signature holds over these digests and what else is known to be true."""
        record, said = self.package.record, self.said
        document, consent = record.document, record.consent_version
        if said is not None:
            document, consent = said["document"], said["agreed"]["consent_version"]
        key = self.signer.public_key if self.signer else record.public_key
        signed = signed_bytes(document, hashed, consent, record.will)
        return signature_holds(signed, record.signature, key)
