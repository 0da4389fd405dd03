"""The bank's object store: each picture once, found by its content."""
