"""Record and replay: a proxy before a real endpoint, what it keeps of it, and what is done with it.

What was said passes through byte for byte; what is kept of it is masked first. See docs/RECORD.md.
"""
