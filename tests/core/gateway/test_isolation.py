"""Four customers of two banks: whatever they do, nobody sees or moves what is another's."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from tests.core.gateway.gateway_kit import BANK, OTHER, STEPS

FOUR = st.integers(0, 3)
NOBODYS = "0" * 24
OPERATIONS = [
    ("GET", "/applications/{app}"),
    ("DELETE", "/applications/{app}/consent"),
    ("GET", "/applications/{app}/decision"),
    ("GET", "/applications/{app}/contract"),
    ("GET", "/applications/{app}/line"),
    ("GET", "/applications/{app}/drawdowns"),
    ("GET", "/applications/{app}/drawdowns/first"),
    ("DELETE", "/applications/{app}/drawdowns/first"),
    ("POST", "/applications/{app}/consent"),
    ("POST", "/applications/{app}/decision"),
    ("POST", "/applications/{app}/account"),
    ("POST", "/applications/{app}/contract"),
    ("POST", "/applications/{app}/drawdowns"),
    ("GET", "/loans/{loan}"),
    ("GET", "/loans/{loan}/schedule"),
    ("GET", "/loans/{loan}/quote"),
    ("POST", "/loans/{loan}/repayments"),
]
SAID = {
    "drawdowns": {"request": "first", "amount_fen": 200_000},
    "repayments": {"request": "first", "amount_fen": 100},
}


class Four(RuleBasedStateMachine):
    """Customers 0 and 1 are of one bank, 2 and 3 of another."""

    def __init__(self, stack):
        super().__init__()
        self.stack, self.scene = stack, stack.open()

    def teardown(self):
        if hasattr(self, "four"):
            self.everybody_sees_their_own_and_only_that()
        self.stack.run(self.stack.shut(self.scene.name))

    @initialize()
    def everybody_registers(self):
        async def all_four():
            return [await self.scene.registered(bank) for bank in (BANK, BANK, OTHER, OTHER)]

        self.four = self.stack.run(all_four())
        self.done = [0] * 4

    @rule(who=FOUR, many=st.integers(1, 5))
    def goes_on(self, who, many):
        customer = self.four[who]
        for step in STEPS[self.done[who] : self.done[who] + many]:
            answer = self.stack.run(customer.step(step))
            assert answer.status in (200, 201), answer
            self.done[who] += 1
            if step == "drawdowns":
                customer.loan = answer.body["drawdown"]["loan"]

    @rule(who=FOUR)
    def begins_a_step_and_leaves_it(self, who):
        customer = self.four[who]
        if self.done[who] < len(STEPS):
            step = STEPS[self.done[who]]
            answer = self.stack.run(customer.post(customer.of(f"/{step}"), customer.begins(step)))
            assert answer.status == 202

    @rule(who=FOUR)
    def logs_in_anew(self, who):
        self.stack.run(self.four[who].log_in())

    @rule(thief=FOUR, owner=FOUR, operation=st.sampled_from(OPERATIONS))
    def reaches_for_what_is_anothers(self, thief, owner, operation):
        if thief != owner:
            self.stack.run(self._reaches(self.four[thief], self.four[owner], operation))

    async def _reaches(self, thief, owner, operation):
        method, path = operation
        before = await seen_by(owner)
        said = SAID.get(path.rpartition("/")[2], {})
        for home in {thief.home, owner.home}:
            answers = []
            for app, loan in ((owner.app, owner.loan or "L"), ("A" + NOBODYS, "L" + NOBODYS)):
                url = home + path.format(app=app, loan=loan)
                headers = {**thief.bearer, "idempotency-key": self.scene.key()}
                body = {"json": said} if method == "POST" else {}
                answers.append(await self.scene.send(method, url, headers=headers, **body))
            right = (404, "not-found") if home == thief.home else (403, "other-bank")
            assert [answer.said for answer in answers] == [right, right]
            assert answers[0].content == answers[1].content
        assert await seen_by(owner) == before

    @rule(thief=FOUR, owner=FOUR)
    def shows_what_is_no_token(self, thief, owner):
        owner, path = self.four[owner], f"{self.four[thief].home}/applications"
        for word in (owner.session["session"], owner.session["subject"], owner.app):
            headers = {"authorization": f"Bearer {word}"}
            answer = self.stack.run(self.scene.send("GET", path, headers=headers))
            assert answer.said == (401, "no-session")

    @rule()
    def everybody_sees_their_own_and_only_that(self):
        for customer in self.four:
            seen = self.stack.run(seen_by(customer))
            for other in self.four:
                if other is not customer:
                    words = (other.app, other.loan, other.person["openid"])
                    assert [word for word in words if word and word.encode() in seen] == []
            assert customer.app.encode() in seen


async def seen_by(customer):
    """Return all that a customer sees of what is theirs."""
    seen = b""
    for path in (
        "/applications",
        "/loans",
        "/messages",
        customer.of(),
        customer.of("/line"),
        customer.of("/drawdowns"),
    ):
        seen += (await customer.get(path)).content
    return seen


def machine(stack, examples, steps):
    run_state_machine_as_test(
        lambda: Four(stack),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_nobody_sees_or_moves_what_is_anothers(stack):
    machine(stack, 12, 20)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_nobody_sees_or_moves_what_is_anothers_in_a_long_run(stack):
    machine(stack, 200, 50)
