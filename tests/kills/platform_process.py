"""The platform as a process of its own: customers draw and repay without end, and it may be killed.

    python platform_process.py STORE_ADDRESS SOCKET TOLD BEGAN CUSTOMERS STOP

What a customer is told goes into TOLD, a line each, right when they are told. It goes on where
that file says it stood. When the file STOP is there it ends.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))

from stand import BANK, DRAW_FEN, PRODUCT, SPEED, START, business_s, people, the_world
from wire import RemoteCore

from core.adapters.sql import SqlStore
from core.application import Application
from core.errors import GaveUp, Refused
from core.flow.draw_down import draw_down, drawdown_id
from core.flow.register import application_id
from core.flow.repay import repay
from core.flow.take_back import take_back
from core.lending.book import Loan, payoff_quote
from core.store.records import Drawdown
from scenarios.hosts.wall import WallClock, WallHost
from scenarios.phone import Phone, Wish


class Told:
    """What customers were told, kept by the operating system through a kill of this process."""

    def __init__(self, path):
        self.file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
        self.rounds = {}
        for line in Path(path).read_text().splitlines():
            name, number, *words = line.split()
            if words == ["round", "over"]:
                self.rounds[name] = int(number) + 1

    def tell(self, person, number, *words):
        os.write(self.file, " ".join([person.key, str(number), *words, "\n"]).encode())


async def customer(host, platform, person, told):
    """Draw, then repay all or have it taken back, round after round."""
    phone = Phone.of(host, person, BANK, Wish(), "kill")
    app_id = application_id(BANK, phone.openid, PRODUCT)
    number = told.rounds.get(person.key, 0)
    while True:
        app = await platform.store.get(Application, app_id)
        request = f"round {number}"
        try:
            draw = await draw_down(platform, app, phone, request, DRAW_FEN)
        except Refused as no:
            told.tell(person, number, "refused", no.reason.name, drawdown_id(app_id, request))
        except GaveUp:
            told.tell(person, number, "later", "-", drawdown_id(app_id, request))
            continue
        else:
            told.tell(person, number, "done", "-", draw.id)
            await pay_off(platform, person, number, draw.id, told)
        told.tell(person, number, "round", "over")
        number += 1


async def pay_off(platform, person, number, draw_id, told):
    """Repay a drawdown, most of them wholly; every seventh is taken back instead."""
    for _ in range(20):
        draw = await platform.store.get(Drawdown, draw_id)
        loan = await platform.store.get(Loan, draw.loan)
        try:
            if number % 7 == 6:
                await take_back(platform, draw_id)
                told.tell(person, number, "back", "-", draw_id)
                return
            owed_fen = payoff_quote(loan, loan.accrued_through).total_fen
            paid = await repay(platform, loan.id, "all", max(1, owed_fen if number % 3 else 50_000))
            told.tell(person, number, "paid", "-", paid.id)
            return
        except Refused as no:
            told.tell(person, number, "unpaid", no.reason.name, draw_id)
            return
        except GaveUp:
            told.tell(person, number, "later", "-", draw_id)


async def main(address, path, told_path, began, customers, stop):
    store = SqlStore(address)
    world = the_world(store)
    host = WallHost(world, SPEED)
    host.clock = WallClock(START, SPEED, business_s(began))
    host.ports = world.ports(host._operation)
    host.ports.corebank = RemoteCore(path)
    platform = world.platform(host)
    told = Told(told_path)
    tasks = [
        asyncio.create_task(customer(host, platform, person, told))
        for person in people(world, customers)
    ]
    while not os.path.exists(stop):  # noqa: ASYNC240, PTH110  a look takes no time
        done, _ = await asyncio.wait(tasks, timeout=0.05)
        for task in done:
            task.result()  # a bug of ours: the parent sees what it was
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    store, socket, told, began, customers, stop = sys.argv[1:]
    asyncio.run(main(store, socket, told, float(began), int(customers), stop))
