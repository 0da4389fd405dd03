"""The questions: hosts, people, stories, rollouts, reports.

This room may import all of core and mocks; nothing imports it but ``sim.py`` and ``loadtests``.
"""
