"""The contract (借款合同): one text of bytes, its digests, what people read of it, and its proof.

``terms`` says what is agreed, ``paper`` writes it as canonical bytes, and everything else is made
from those bytes: the digests that are signed, the lines on the phone, the page in the file. What
``verify`` finds, it finds without the deposit's own code.
"""
