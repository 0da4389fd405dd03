"""What all processes of a kill test agree on: the world, the customers, the clock."""

from __future__ import annotations

import time
from datetime import date

from core.banks import load_banks
from core.products import load_products
from mocks.corebank.store import DurableCore
from scenarios.hosts.world import World
from scenarios.stories.stage import BANK

START = date(2020, 7, 1)
SEED = 7
SPEED = 50.0  # business seconds in one of the machine's
NINE_S = 9 * 3600.0
PRODUCT = "daopu-household"
DRAW_FEN = 200_000


def the_world(store=None):
    """Return a fresh world of the one bank."""
    banks = {BANK: load_banks()[BANK]}
    products = {
        name: product
        for name, product in load_products(load_banks()).items()
        if product.bank == BANK
    }
    world = World(SEED, START, banks=banks, products=products)
    if store is not None:
        world.store = store
    return world


def durable(world, address):
    """Return the world's core bank on its log."""

    def draws(operation, trace):
        named = (trace.bank, trace.application, trace.call, trace.attempt)
        return world.seed.draws(f"corebank.{operation}", *named)

    return DurableCore(world.corebank, address, draws)


def people(world, count):
    """Return the customers."""
    return [world.people.make(BANK, number, holds_card=False) for number in range(1, count + 1)]


def business_s(began):
    """Return business time, of a run that began at a moment of the machine's clock."""
    return NINE_S + (time.time() - began) * SPEED
