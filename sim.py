"""The door: one command a user, one line a command."""

from pathlib import Path

import click

from scenarios.commands import door

common = door.common
FILE = click.Path(path_type=Path, dir_okay=False)
DB = "Where the platform keeps: sqlite:///FILE or postgresql://…; without it, in memory."
USE = "Who answers: PROVIDER[@BANK]=mock, a plugin's name or a URL; may be repeated."


@click.group(cls=door.Verbs, epilog=door.STATUSES)
@click.version_option(door.version(), prog_name="loanrange")
def sim() -> None:
    """A proving ground for a bank's fully self-service loan on the WeChat mini-program."""


@sim.command()
@common("demo")
def demo(**given: object) -> None:
    """The main job: every story, then the 2020 Jiangsu rollout.

    The rollout is shown beside its published figures; report.html and summary.json tell it all.
    """
    door.run("demo", given)


@sim.command()
@click.argument("names", nargs=-1)
@click.option("--list", "list_only", is_flag=True, help="Name the stories, and the hosts of each.")
@click.option("--host", type=door.OneOf(door.HOSTS), default="instant", show_default=True)
@click.option(
    "--via",
    type=door.OneOf(door.WAYS),
    help="How customers come: gateway (the way on the wall host), or straight to the flow.",
)
@click.option("--target", metavar="URL", help="Tell them on a server that runs; with --host wall.")
@click.option("--i-own-this-target", "owned", is_flag=True, help="It is not on this machine.")
@click.option("--junit", type=FILE, help="Write a JUnit report to this file.")
@click.option("--use", multiple=True, help=USE)
@click.option("--trace", type=FILE, help="Write every provider call to this file: spans as JSON.")
@common("story")
def story(**given: object) -> None:
    """End-to-end stories, all or by name.

    A NAME is one that --list names, or the sentence below it; spaces may stand for underscores.
    """
    door.run("story", given)


@sim.command()
@click.argument("file", type=FILE)
@click.option(
    "--replications",
    type=int,
    default=1,
    show_default=True,
    help="Runs, each with chance of its own.",
)
@click.option("--workers", type=int, default=1, show_default=True, help="Worker processes.")
@click.option(
    "--share", type=float, default=1.0, show_default=True, help="Part of the visitors that comes."
)
@common("rollout")
def rollout(**given: object) -> None:
    """A multi-bank rollout in virtual time, from its FILE.

    Every customer really runs the platform. FILE is a scenario in TOML; ours is
    scenarios/rollout/jiangsu_2020.toml. An interrupted run goes on with the same command.
    """
    door.run("rollout", given)


@sim.command()
@click.option("-n", "count", type=int, default=10, show_default=True, help="How many.")
@click.option("--bank", help="Whose customers; one of every bank in turn where it is left out.")
@click.option(
    "--pictures",
    is_flag=True,
    help="Draw ID cards, faces and business licences too, all marked as specimens.",
)
@common("people")
def people(**given: object) -> None:
    """Synthetic people with the truth about them, and pictures."""
    door.run("people", given)


@sim.command()
@click.argument("name", required=False)
@common("schema")
def schema(**given: object) -> None:
    """JSON Schemas of the files that users write and read.

    NAME is one of scenario, bank, product, summary, story, people: it is printed. Without a NAME
    all of them are written to --out.
    """
    door.run("schema", given)


@sim.command()
@click.option("--port", type=int, default=8000, show_default=True, help="0 takes any free one.")
@click.option(
    "--speed", type=float, default=1.0, show_default=True, help="Business seconds a second."
)
@click.option("--scenario", type=FILE, help="A scenario file: its profiles, faults and seed.")
@click.option("--use", multiple=True, help=USE)
@click.option("--db", metavar="URL", help=DB)
@click.option(
    "--log",
    type=door.OneOf(["json", "text"]),
    help="Every request of the gateway on stderr; without it warnings only.",
)
@click.option("--trace", metavar="FILE|URL", help="Spans: to a file, or to a collector (OTLP).")
@click.option(
    "--objects",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the platform's pictures in this folder, sealed under keys of each bank.",
)
@click.option(
    "--issuers", type=FILE, help="Whose tokens are believed: staff and front ends (JSON)."
)
@common("serve")
def serve(**given: object) -> None:
    """Every mock, the control plane and the gateway on one port."""
    door.run("serve", given)


@sim.command()
@click.option("--target", required=True, help="The endpoint's address: https://HOST")
@click.option("--port", type=int, default=8001, show_default=True, help="0 takes any free one.")
@click.option(
    "--keep", multiple=True, help="A field whose words are codes and may stay; may be repeated."
)
@click.option(
    "--key", type=FILE, help="The masks' key, written where there is none: a secret for replay."
)
@common("record")
def record(**given: object) -> None:
    """A proxy that records a real endpoint, masked.

    Point a client at the port that it tells. What passes is not changed; what is kept is masked
    before it is written: see docs/RECORD.md. When it is stopped, latencies go to latency.csv, for a
    scenario's csv.
    """
    door.run("record", given)


@sim.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--port", type=int, default=8001, show_default=True, help="0 takes any free one.")
@click.option("--key", type=FILE, help="The recording's key: real values find their exchange.")
@click.option("--check", "check_url", help="Serve nothing: hold this endpoint against it.")
@click.option("--header", multiple=True, help="Goes with each request of --check: 'NAME: VALUE'.")
@click.option("--latencies", is_flag=True, help="Serve nothing: write its latency.csv again.")
@common("replay")
def replay(**given: object) -> None:
    """What was recorded in DIR, answered again.

    Whoever asks what was asked then is answered what was answered then. Whatever was not recorded
    is answered 404, and told where it differs from the nearest. With --check, DIR's requests are
    sent to an endpoint instead, and each field that differs is told; the exit status is 1 where any
    does.
    """
    door.run("replay", given)


@sim.command()
@common("doctor")
def doctor(**given: object) -> None:
    """What is installed, what is missing, what to do."""
    door.run("doctor", given)


if __name__ == "__main__":
    door.main(sim)
