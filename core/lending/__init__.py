"""The loan book: decision, price, schedule, accrual, allocation, classification.

Pure: no clock, no chance, no network; dates come in, bookings go out. May import products,
application, banks, ports and values. Money is integer fen with one rounding point
(``core.money.divide``). Sources of the rules: ``contracts/corebank.md`` sections 2 and 6.
"""
