"""Contract deposit (存证): a certificate authority, time stamps, and a chain of records a bank.

Everything here is a specimen: no certificate of this authority means anything to anybody. What is
made when a contract is signed is a signature, two hashes and a few facts; certificates, revocation
lists and time tokens are functions of those facts, built when somebody reads them, since building
them takes fifty times as long as signing.
"""
