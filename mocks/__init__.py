"""The world outside the bank: one drawer a provider.

``behaviour.py`` holds a provider's state and rules and knows no clock, chance or network of its
own. ``line.py`` says how long an answer takes and how it fails. Mocks speak the words of
``core.ports`` and know nothing of the flow, the lending rules or the gateway.
"""
