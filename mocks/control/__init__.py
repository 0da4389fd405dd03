"""The control plane: what only a phone, a clock, an operator or a test can do, beside any vendor.

Everything stands under ``/_control`` and concerns the tenant that the header ``X-Loanrange-Tenant``
names, the default one without it. ``door.py`` lets in and finds the tenant, ``phones.py`` is what
customers hold in their hands, ``people.py`` who they are, ``time.py`` the clock, ``world.py``
tenants and books, ``faults.py`` what is planned, ``snapshots.py`` keeps all of it and puts it back,
``app.py`` puts them on one FastAPI application.
"""
