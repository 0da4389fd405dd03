"""The documents that are printed from the tables in code: ``python -m scenarios.documents``.

A test holds ``docs/TABLES.md`` to what this prints, so that page and code cannot drift apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.application import ENDS, MOVES, Reason, State, Step
from core.flow.calls import CALLS
from core.flow.enter import SCENES
from core.policies import POLICIES, Check
from mocks.corebank.chart import CHART, TEMPLATES
from mocks.line import ASSUMED, ERROR_MIX, SEEN
from scenarios.hosts.operations import OPERATIONS, PORTS

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = Path(__file__).parents[1] / "docs" / "TABLES.md"


def page() -> str:
    """Return the whole page."""
    parts = [
        "# The tables\n\nPrinted from the code by `python -m scenarios.documents`; do not edit.",
        "## Which check runs at which step\n\n" + checks(),
        "## The calls of each step\n\n" + calls(),
        "## States and moves\n\n" + moves(),
        "## Every no\n\n" + reasons(),
        "## Ways in\n\n" + entries(),
        "## Providers\n\n" + providers(),
        "## Faults: what a client sees\n\n" + faults(),
        "## The core bank's chart of accounts\n\n" + chart(),
        "## Its journal templates\n\n" + templates(),
    ]
    return "\n\n".join(parts) + "\n"


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    head = list(head)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def checks() -> str:
    """Return the policies: the source's own, and what the prudent one adds."""
    rows = []
    for step in Step:
        row = [step.value]
        for check in Check:
            policies = [name for name, policy in POLICIES.items() if check in policy[step]]
            row.append({0: "", 1: policies[0] if policies else ""}.get(len(policies), "✓"))
        rows.append(row)
    told = "✓: under both policies; a policy's name: under that one only. A product may add checks."
    return f"{told}\n\n" + table(["step", *(check.value for check in Check)], rows)


def calls() -> str:
    """Return the step table."""
    told = "The number is part of the name of a call's draws."
    return f"{told}\n\n" + table(
        ("number", "step", "operation", "serves", "if it is repeated"),
        (
            (call.number, call.step, f"`{call.operation}`", call.check or "", _repeat(call.effect))
            for call in CALLS
        ),
    )


def _repeat(effect: str) -> str:
    return "nothing more" if effect == "none" else "the unknown-outcome protocol decides"


def moves() -> str:
    """Return the moves as a diagram."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {State.ENTERED.value}: enter"]
    for (state, step), targets in MOVES.items():
        lines += [f"    {state.value} --> {to.value}: {step.value}" for to in targets]
    lines += [f"    {end.value} --> [*]" for end in sorted(ENDS)]
    return "\n".join([*lines, "```"])


def reasons() -> str:
    """Return the reasons with what they mean and what the customer reads."""
    return table(
        ("code", "reason", "means", "the customer reads"),
        ((each.code, each.name, each.kind, each.text) for each in Reason),
    )


def entries() -> str:
    """Return the ways in with WeChat's scene numbers."""
    return table(
        ("entry", "scene numbers"),
        ((entry, ", ".join(map(str, scenes))) for entry, scenes in SCENES.items()),
    )


def providers() -> str:
    """Return the providers with their operations and assumed figures."""
    rows = []
    for name, port in PORTS.items():
        profile = ASSUMED[name]
        first = (port.__module__ and _headline(port.__module__)) or ""
        operations = ", ".join(f"`{each}`" for each in OPERATIONS[name])
        figures = f"{profile.p50_ms:g} / {profile.p99_ms:g} / {profile.timeout_ms:g}"
        rows.append((f"`{name}`", first, operations, figures))
    told = "Latencies are assumed: no vendor document gives any. A scenario replaces them."
    head = ("provider", "what it is", "operations", "p50 / p99 / time-out, ms")
    return f"{told}\n\n" + table(head, rows)


def _headline(module: str) -> str:
    from importlib import import_module

    return (import_module(module).__doc__ or "").partition("\n")[0].rstrip(".")


def faults() -> str:
    """Return the fault menu and the make-up of the seeded error rate."""
    rows = ((kind, phase, error.__name__) for (kind, phase), error in SEEN.items())
    mix = ", ".join(f"{share:.0%} {kind} {phase}" for share, kind, phase in ERROR_MIX)
    told = "`delay` and `slow_bytes` end in an answer, or in TimedOut where it comes too late."
    return (
        table(("kind", "phase", "the client sees"), rows)
        + f"\n\n{told}\n\nA provider's `error_rate` is made up (assumed) of {mix}."
    )


def chart() -> str:
    """Return the chart of accounts."""
    return table(
        ("code", "account", "kind"), ((each.code, each.name, each.kind) for each in CHART.values())
    )


def templates() -> str:
    """Return the journal templates."""
    rows = []
    for kind, legs in TEMPLATES.items():
        debit = ", ".join(f"{account} {part}" for side, account, part in legs if side > 0)
        credit = ", ".join(f"{account} {part}" for side, account, part in legs if side < 0)
        rows.append((kind, debit, credit))
    return table(("entry", "debit", "credit"), rows)


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
