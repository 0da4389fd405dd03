"""The reference platform: what a bank would deploy.

Values, ports, the flow, the loan book. Nothing here knows the mocks, the scenarios, a clock of
the machine or a source of chance; inside core only ``adapters`` and ``gateway`` touch the world.
"""

__version__ = "0.1.0"
