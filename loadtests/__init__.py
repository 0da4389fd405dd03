"""Load that tells the truth: Locust users, shapes and thresholds live here.

The only room that may import locust, because locust patches sockets the moment it is imported;
``sim.py load`` starts it as a subprocess. It may know people, phone, scenario files and reports
of ``scenarios``, and channel, wire and invariants of ``core``. Nothing is here yet.
"""
