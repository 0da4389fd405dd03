"""The loan, one step a file: ask, require, ask, require, write, return.

A step takes the platform and an errand, asks providers through the errand, raises ``Refused``
for the bank's no, and writes once at its end. ``journey.py`` joins the steps and is the one place
that catches a ``Refused``. May import lending, store, ports and values; nothing above.
"""
