"""Results: complete or not there, the older one beside the new, and nobody's files deleted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import InputError, MachineError
from scenarios.output import MARKS, dumps, is_result, place_of, results, write_json, write_text


def write(out: Path, text: str, name: str = "summary.json") -> None:
    """Write a result of one file."""
    with results(out) as folder:
        (folder / name).write_text(text)


def tree(folder: Path) -> dict[str, str]:
    """Return every file below a folder with its text."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_result_becomes_its_folder_when_it_is_complete(tmp_path):
    out = tmp_path / "deep" / "out"
    with results(out) as folder:
        (folder / "summary.json").write_text("new")
        assert not out.exists()
        assert folder.parent == out.parent

    assert tree(tmp_path) == {"deep/out/summary.json": "new"}


def test_an_older_result_moves_aside_and_the_one_before_it_goes(tmp_path):
    for text in ("first", "second", "third"):
        write(tmp_path / "out", text)

    assert tree(tmp_path) == {"out/summary.json": "third", "out.1/summary.json": "second"}


def test_a_failure_while_writing_leaves_everything_as_it_was(tmp_path):
    write(tmp_path / "out", "old")
    with pytest.raises(TypeError), results(tmp_path / "out") as folder:
        (folder / "summary.json").write_text("half") / "of it"

    assert tree(tmp_path) == {"out/summary.json": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_interrupt_while_writing_leaves_everything_as_it_was(tmp_path):
    write(tmp_path / "out", "old")
    with pytest.raises(KeyboardInterrupt), results(tmp_path / "out"):
        raise KeyboardInterrupt

    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert tree(tmp_path) == {"out/summary.json": "old"}


def test_an_empty_folder_gives_way_without_a_trace(tmp_path):
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", "new")

    assert tree(tmp_path) == {"out/summary.json": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_is_no_result_of_ours_is_moved_and_never_deleted(tmp_path):
    mine = tmp_path / "out" / "thesis"
    mine.mkdir(parents=True)
    (mine / "chapter.txt").write_text("years of work")
    for text in ("first", "second", "third"):
        write(tmp_path / "out", text)

    assert tree(tmp_path) == {
        "out/summary.json": "third",
        "out.1/summary.json": "second",
        "out.2/thesis/chapter.txt": "years of work",
    }


@pytest.mark.parametrize("name", MARKS)
def test_every_kind_of_result_is_known_as_one(tmp_path, name):
    write(tmp_path / "out", "{}", name)

    assert is_result(tmp_path / "out")
    assert not is_result(tmp_path)
    assert not is_result(tmp_path / "nowhere")


@pytest.mark.parametrize("out", [".", "..", "/", "../here", "deeper/.."])
def test_results_do_not_push_away_the_folder_one_stands_in(tmp_path, monkeypatch, out):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    with pytest.raises(InputError, match="the folder you stand in, or one above it") as told:
        write(Path(out), "new")

    assert told.value.place == f"--out {out}"
    assert tree(tmp_path) == {}


def test_a_place_is_absolute_and_follows_no_link(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    assert place_of(Path("a/../b")) == tmp_path / "b"
    assert place_of(Path("link")) == tmp_path / "link"


@pytest.mark.parametrize("write_it", [write, write_text])
def test_what_cannot_be_written_is_the_machines_fault(tmp_path, write_it):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MachineError, match=r"cannot write .*/file/out \(.+\); choose another"):
        write_it(tmp_path / "file" / "out", "new")

    assert tree(tmp_path) == {"file": "in the way"}


def test_one_file_is_written_aside_too_and_its_folder_is_made(tmp_path):
    write_text(tmp_path / "a" / "b.xml", "old")
    write_text(tmp_path / "a" / "b.xml", "新")

    assert tree(tmp_path) == {"a/b.xml": "新"}


def test_json_is_readable_ends_with_a_newline_and_keeps_its_order(tmp_path):
    document = {"b": 1, "a": ["苏", None, 1.5]}
    write_json(tmp_path / "x.json", document)
    text = (tmp_path / "x.json").read_text(encoding="utf-8")

    assert text == '{\n  "b": 1,\n  "a": [\n    "苏",\n    null,\n    1.5\n  ]\n}\n'
    assert json.loads(text) == document


def test_a_number_that_is_none_is_no_json():
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps({"ratio": float("nan")})
