"""Core banking: a double-entry ledger for each legal entity, and keys that post once."""
