"""Callbacks (回调通知): providers that call back when something has happened, as webhooks do.

``events.py`` is what they tell, ``outbox.py`` plans and logs a tenant's deliveries on its clock,
``sender.py`` signs and sends them. See docs/CALLBACKS.md.
"""
