"""People: who they are, and the truth about them. The only room that knows Faker.

``register.py`` makes and finds people, ``making.py`` puts one together from named draws,
``plan.py`` hands out numbers that never clash, ``traits.py`` says how often what is wrong with
somebody, ``credit.py`` what the bureaus know, ``providers.py`` is what Faker lacks. Nobody here
is anybody: divisions, phone blocks and BINs are unassigned ones. May import core and Faker.
"""
