"""The three clocks: one flow and one set of behaviours, run instantly, in virtual time, on a wall.

A host brings a business clock and the ports; what happens to a call is settled by the same line
and the same named draws on each of them.
"""
