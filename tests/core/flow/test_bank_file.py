"""The reconciliation file is read as the core writes it, and believed only where it adds up."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.flow.bank_file import FileLine, read_file
from core.ports.corebank import Key
from mocks.corebank.files import assembled

BANK, ON = "daopu", date(2020, 7, 1)

words = st.text(st.sampled_from("abcdefXYZ0189-_/."), min_size=1, max_size=12)
lines = st.lists(
    st.builds(
        FileLine,
        st.builds(Key, st.just(BANK), words, st.dates(date(2019, 1, 1), date(2030, 1, 1)), words),
        words,
        words,
        words,
        st.integers(0, 10**14),
    ),
    max_size=6,
)


def told(line):
    _, channel, day, serial = line.key
    fields = ("D", channel, day.isoformat(), serial, *line[1:4], str(line.amount_fen))
    return "|".join(fields) + "\n"


def written(found, bank=BANK, on=ON):
    total_fen = sum(line.amount_fen for line in found)
    return assembled(bank, on, [told(line) for line in found], len(found), total_fen)


def line(serial="P1", amount_fen=100):
    key = Key(BANK, "mini-loan", ON, serial)
    return FileLine(key, f"C{serial}", "disburse", f"L{serial}", amount_fen)


TWO = [line("P1", 100), line("P2", 2_500)]
FILE = written(TWO)


@given(lines)
def test_what_the_core_writes_is_read(found):
    assert read_file(written(found), BANK, ON) == found


def test_a_day_without_transactions_has_a_file_too():
    assert read_file(written([]), BANK, ON) == []


def is_refused(content, bank=BANK, on=ON):
    """Return the one line that a refusal shows; it must name the place, and a remedy."""
    with pytest.raises(InputError) as no:
        read_file(content, bank, on)
    text = str(no.value)
    assert text.startswith(f"reconciliation file {bank} {on}")
    assert no.value.problem
    assert "ask the core for the file again" in text
    assert "\n" not in text
    return text


@pytest.mark.parametrize("letter", ["0", "7", "a", "|", "\n", " ", "\r", "٣", "\x1c", "\u2028"])
def test_any_one_letter_that_was_changed_or_put_in_is_noticed(letter):
    for position in range(len(FILE)):
        before, after = FILE[:position], FILE[position:]
        for changed in (before + letter + after[1:], before + letter + after):
            if changed != FILE:
                is_refused(changed)


def test_any_one_letter_that_was_lost_is_noticed():
    for position in range(len(FILE)):
        is_refused(FILE[:position] + FILE[position + 1 :])


@given(lines, st.data())
def test_any_change_of_any_file_is_noticed(found, data):
    content = written(found)
    position = data.draw(st.integers(0, len(content) - 1))
    letter = data.draw(st.characters(exclude_categories=["Cs"]))
    if content[position] != letter:
        is_refused(content[:position] + letter + content[position + 1 :])


@given(lines.filter(bool), st.data())
def test_any_file_that_was_cut_is_noticed(found, data):
    content = written(found)
    begin = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(begin, len(content)))
    if (begin, end) != (0, len(content)):
        is_refused(content[begin:end])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is cut short"),
        ("\n", "is cut short"),
        (FILE[:-1], "is cut short"),
        (FILE.splitlines(keepends=True)[0], "is cut short"),
        (FILE[:60] + "\n", "where a line T of 4 fields belongs"),
        ("".join(FILE.splitlines(keepends=True)[1:]), "where a line H of 6 fields belongs"),
        (FILE.replace("H|1|", "H|2|"), "has form '2', and only '1' is known"),
        (written(TWO, bank="gaowu"), "is that of gaowu 2020-07-01"),
        (written(TWO, on=date(2020, 7, 2)), "is that of daopu 2020-07-02"),
        (
            assembled(BANK, ON, [told(TWO[0])], 2, 2_600),
            "tells 2 transactions of 2600 fen, and has 1 of 100",
        ),
        (
            assembled(BANK, ON, [told(one) for one in (*TWO, TWO[1])], 2, 2_600),
            "tells 2 transactions of 2600 fen, and has 3 of 5100",
        ),
        (
            assembled(BANK, ON, [told(one) for one in TWO], 2, 2_601),
            "tells 2 transactions of 2601 fen, and has 2 of 2600",
        ),
        (FILE.replace("LP1", "LPx"), "does not have the SHA-256 that it tells"),
        (FILE.replace("|100\n", "|hundred\n"), "line 2: invalid literal"),
        (FILE.replace("loan|2020-07-01|P2", "loan|2020-07-32|P2"), "line 3: "),
        (FILE.replace("D|", "X|", 1), "line 2: has 'X|mini-loan"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused_in_one_line(content, problem):
    assert problem in is_refused(content)


@pytest.mark.parametrize("field", range(4))
def test_head_and_tail_must_tell_the_same(field):
    head, one, two, _ = FILE.splitlines(keepends=True)
    said = [2, 2_600, 2, 2_600]
    said[field] += 1
    rest = assembled(BANK, ON, [one, two], said[2], said[3]).splitlines(keepends=True)[-1]
    head = f"H|1|{BANK}|{ON}|{said[0]}|{said[1]}\n"

    assert "tells" in is_refused(head + one + two + rest)
