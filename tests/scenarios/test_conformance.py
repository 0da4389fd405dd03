"""Published truths: each is reproduced, and the runner tells the truth about those that are not."""

from __future__ import annotations

import copy
import json
from fractions import Fraction
from pathlib import Path

import pytest

from core.errors import InputError
from scenarios.conformance import loans
from scenarios.conformance.__main__ import main
from scenarios.conformance.families import OWN, check
from scenarios.conformance.outcome import Verdict

MORE = Path(__file__).parents[1] / "data" / "loan_vectors_more.json"


def vectors_of(path):
    """The vectors of a file."""
    return json.loads(path.read_text("utf-8"))["vectors"]


PUBLISHED = vectors_of(OWN / "loan_schedules.json")
ALL = [*PUBLISHED, *vectors_of(MORE)]
BY_ID = {vector["id"]: vector for vector in ALL}


def outcome(vector):
    """What comes of one vector."""
    (found,) = loans.check({"vectors": [vector]})
    return found


def changed(name, **fields):
    """A copy of a published vector with some fields changed; None takes one away."""
    vector = copy.deepcopy(BY_ID[name])
    for key, value in fields.items():
        vector[key] = value
        if value is None:
            del vector[key]
    return vector


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector["id"])
def test_a_published_vector_is_reproduced(vector):
    found = outcome(vector)

    assert found.verdict is Verdict.PASSED, (found.reason, found.differences)
    assert found.readings


def test_ours_are_the_34_of_the_contract_with_their_sources():
    assert len({vector["id"] for vector in PUBLISHED}) == 34
    assert all(vector["provenance"].get("licence") for vector in PUBLISHED)


@pytest.mark.parametrize(
    "vector",
    [vector for vector in PUBLISHED if "accepted_conventions" in vector["verification"]],
    ids=lambda vector: vector["id"],
)
def test_a_vector_comes_out_in_the_conventions_that_others_found_it_in(vector):
    told = vector["verification"]["accepted_conventions"]

    assert {reading.split(", ")[0] for reading in outcome(vector).readings} == set(told)


# A figure that is wrong by one fen.


def figures_of(vector):
    """Where a vector asserts a number: the table that holds it, and its key."""
    columns = {"from_date", "due_date", "n"}
    yield from ((row, key) for row in vector["expected_rows"] for key in row if key not in columns)
    yield from ((vector["expected_totals"] or {}, key) for key in vector["expected_totals"] or {})
    if "payment" in vector:
        yield vector, "payment"


def moved(text):
    """A figure moved by one in the last digit that it has, a fen at least."""
    text = str(text)
    decimals = len(text.partition(".")[2])
    digits = 0 if text.isdigit() and int(text) < 100 else max(2, decimals)
    value = Fraction(text) + Fraction(1, 10**digits)
    whole, part = divmod(abs(value) * 10**digits, 10**digits)
    return f"{'-' if value < 0 else ''}{int(whole)}" + (f".{int(part):0{digits}}" if digits else "")


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector["id"])
def test_a_figure_off_by_one_is_found(vector):
    count = len(list(figures_of(vector)))
    for index in {0, count // 2, count - 1}:
        wrong = copy.deepcopy(vector)
        table, key = list(figures_of(wrong))[index]
        table[key] = moved(table[key])

        found = outcome(wrong)
        assert found.verdict is Verdict.FAILED, (key, table[key])
        assert any(key in difference.place for difference in found.differences)


@pytest.mark.soak
@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector["id"])
def test_every_figure_off_by_one_is_found(vector):
    for index in range(len(list(figures_of(vector)))):
        wrong = copy.deepcopy(vector)
        table, key = list(figures_of(wrong))[index]
        table[key] = moved(table[key])
        assert outcome(wrong).verdict is Verdict.FAILED, (index, key, table[key])


def test_a_date_or_a_row_too_many_is_found():
    late = changed("FIN-RS02-emi-same-as-period")
    late["expected_rows"][4]["due_date"] = "2023-04-02"
    assert [each.place for each in outcome(late).differences] == ["row 5 due_date"]

    short = changed("FIN-RS02-emi-same-as-period")
    del short["expected_rows"][-1]
    assert [each.place for each in outcome(short).differences] == ["rows"]


def test_all_figures_must_come_from_one_reading():
    # Rounded instalment times n gives 126,692.40, the unrounded one 126,692.87: not one of each.
    mixed = changed("CN-10w-4.9-10y-dengebenxi")
    mixed["expected_totals"]["interest"] = "26692.87"

    assert outcome(mixed).verdict is Verdict.FAILED


# What is not understood is said, and never passed over.


@pytest.mark.parametrize(
    ("name", "fields", "reason"),
    [
        ("FIN-RS02-emi-same-as-period", {"method": "balloon"}, "method 'balloon' is unknown"),
        (
            "FIN-RS02-emi-same-as-period",
            {"method": "equal_instalment_stepped"},
            "the word 'stepped' is not understood",
        ),
        ("FIN-RS02-emi-same-as-period", {"fees": "12"}, "field 'fees' is not understood here"),
        ("FIN-RS02-emi-same-as-period", {"segments": [{}]}, "field 'segments' is not understood"),
        ("FIN-RS02-emi-same-as-period", {"day_count": "BUS/252"}, "day_count 'BUS/252' is not"),
        ("FIN-RS02-emi-same-as-period", {"period": "1 fortnight"}, "period '1 fortnight' is not"),
        ("FIN-RS02-emi-same-as-period", {"use": "maybe"}, "neither positive nor negative"),
        ("FIN-RS02-emi-same-as-period", {"principal": "5,00o"}, "principal: '5,00o' is no number"),
        ("FIN-RS02-emi-same-as-period", {"principal": "6000"}, "disbursements of 500000 fen for"),
        ("FIN-RS02-emi-same-as-period", {"periods": "1.5"}, "periods: '1.5' is no whole number"),
        ("FIN-RS02-emi-same-as-period", {"periods": 0}, "loan rows: 0 cannot be"),
        ("FIN-RS02-emi-same-as-period", {"annual_rate_pct": None}, "without an annual rate"),
        ("FIN-RS02-emi-same-as-period", {"rounding": "down"}, "rounding 'down' is not understood"),
        ("FIN-RS02-emi-same-as-period", {"emi_rate": "1/52"}, "emi_rate '1/52' is not understood"),
        ("FIN-RS02-emi-same-as-period", {"principal_grace": 18}, "18 rows of grace in a loan"),
        ("FIN-RS02-emi-same-as-period", {"expected_rows": [3]}, "expected_rows is no list of tab"),
        ("FIN-RS02-emi-same-as-period", {"expected_totals": 3}, "expected_totals is no table"),
        (
            "FIN-RS02-emi-same-as-period",
            {"expected_totals": {"fees": "1"}},
            "total 'fees' is not understood",
        ),
        (
            "FIN-RS02-emi-same-as-period",
            {"expected_rows": [{"n": 1, "penalty": "0"}], "partial_rows": True},
            "column 'penalty' is not understood",
        ),
        (
            "FIN-RS02-emi-same-as-period",
            {"expected_rows": [], "expected_totals": None},
            "it asserts no figure",
        ),
        (
            "FIN-RS02-emi-same-as-period",
            {"verification": {"accepted_conventions": ["TRUNCATE"]}},
            "none of its accepted conventions is understood",
        ),
        ("FIN-RS02-emi-same-as-period", {"disbursements": [{"day": 1}]}, "disbursement 'day'"),
        ("FIN-EMI-100-weekly-364", {"disbursements": []}, "from_date"),
        ("FIN-100-7pct-payoff", {"payments": None}, "an early pay-off without its date"),
        (
            "FIN-100-7pct-payoff",
            {"payments": [{"date": "2024-02-01", "amount": "17"}, {"date": "2024-02-15"}]},
            "a payment on 2024-02-01 that is not the row due that day",
        ),
        ("NPF-IRR-1", {"cash_flows": None}, "a rate without cash_flows"),
        ("NPF-IRR-1", {"cash_flows": ["-1", {"day": 3, "amount": "1"}]}, "cash flow '-1' is not"),
        ("NPF-IRR-1", {"cash_flows": ["1", "2"]}, "no rate makes these payments worth"),
        ("NPF-IRR-1", {"expected_totals": {"npv": "5"}}, "total 'npv' is not understood"),
        ("CN-DAILY-10000-0.05pct-1d", {"segments": [{"kind": "x"}]}, "segment 'kind' is not"),
        (
            "CN-DAILY-10000-0.05pct-1d",
            {"segments": [{"balance": "1", "days": 1}]},
            "a segment without a daily rate",
        ),
    ],
)
def test_what_is_not_understood_is_not_expressible_and_says_why(name, fields, reason):
    vector = changed(name) | {key: value for key, value in fields.items() if value is not None}
    for key in (key for key, value in fields.items() if value is None):
        vector.pop(key)
    if reason == "from_date":
        vector["expected_rows"] = [{"n": 1, "total": "16.77"}]
        vector["partial_rows"] = True
        reason = "no date of payout, and its day count needs one"

    found = outcome(vector)
    assert found.verdict is Verdict.NOT_EXPRESSIBLE
    assert reason in found.reason


def test_a_source_that_contradicts_itself_on_dates_is_noted():
    # The harness of this vector ends a period on 1 March and begins the next on the 12th.
    assert "due dates left out" in outcome(BY_ID["FIN-EMI-100-actact"]).notes[0]


# Vectors whose source is wrong.


def test_a_negative_vector_passes_when_it_is_not_reached():
    # A public page says 1,000,000; its figures are those of 700,000 (corebank.md, section 5).
    vector = changed("CN-63w-4.9-30y-dengebenxi", principal="1000000", use="negative")

    found = outcome(vector)
    assert (found.verdict, found.negative) == (Verdict.PASSED, True)
    assert found.notes == ["negative: not reached, as it should be"]


def test_a_negative_vector_that_is_reached_fails():
    found = outcome(changed("CN-63w-4.9-30y-dengebenxi", use="negative"))

    assert found.verdict is Verdict.FAILED
    assert "yet display only" in found.reason


def test_a_negative_vector_that_is_not_understood_does_not_pass_for_that():
    found = outcome(changed("CN-63w-4.9-30y-dengebenxi", use="negative", method="balloon"))

    assert found.verdict is Verdict.NOT_EXPRESSIBLE


# Other forms in which figures are published.


def made(method, totals, **fields):
    """A vector of one's own."""
    return {"id": "T", "method": method, "expected_totals": totals, "use": "positive", **fields}


APR = [
    {"cash_flows": [{"day": 0, "amount": "-1000"}, {"day": 546, "amount": "1200"}]},
    {"cash_flows": [["1994-01-01", "-1000"], ["1995-07-01", "1200"]]},
    {"cash_flows": ["-1000", "1200"], "days": [0, 546]},
    {"cash_flows": ["-1000", "1200"], "dates": ["1994-01-01", "1995-07-01"]},
    {"cash_flows": [{"date": "1994-01-01", "amount": "1000"}, {"days": 546, "amount": "-1200"}]},
]


@pytest.mark.parametrize("flows", APR[:4])
@pytest.mark.parametrize("totals", [{"apr": "0.1296"}, {"apr_pct": "12.96"}, {"apr": "12.96"}])
def test_an_annual_percentage_rate_may_be_told_in_several_forms(flows, totals):
    assert outcome(made("apr_by_days", totals, **flows)).verdict is Verdict.PASSED


def test_flows_that_mix_dates_and_days_are_not_understood():
    assert outcome(made("apr", {"apr": "0.1296"}, **APR[4])).verdict is Verdict.NOT_EXPRESSIBLE


def test_even_flows_have_a_rate_a_step_or_where_steps_are_months_a_year():
    flows = {"cash_flows": ["-100", "39", "59", "55", "20"]}
    assert outcome(made("irr", {"irr": "0.28095"}, **flows)).verdict is Verdict.PASSED

    monthly = {"cash_flows": ["-1000", *["10"] * 11, "1010"], "period": "1 month"}
    totals = {"apr_pct": "12.68", "nominal_pct": "12.00", "monthly_rate_pct": "1.00"}
    assert outcome(made("irr", totals, **monthly)).verdict is Verdict.PASSED


def test_interest_by_the_day_sums_over_segments():
    # CN-DAILY-10000: months of 30, 31, 31, 30, 31 days while 2,000 is repaid each month.
    segments = [
        {"balance": str(balance), "daily_rate": "0.00035", "days": days}
        for balance, days in zip(
            (10_000, 8_000, 6_000, 4_000, 2_000), (30, 31, 31, 30, 31), strict=True
        )
    ]
    vector = made("daily_simple_interest", {"interest": "320.6"}, principal="10000")

    assert outcome({**vector, "segments": segments}).verdict is Verdict.PASSED


def test_a_daily_rate_may_come_from_an_annual_one_and_its_days():
    terms = {"principal": "10000", "annual_rate_pct": "3.6", "days": 30}
    vector = made("daily_simple_interest", {"interest": "30"}, day_count="ACT/360", **terms)

    assert outcome(vector).verdict is Verdict.PASSED
    assert outcome({**vector, "day_count": "ACT/365"}).verdict is Verdict.FAILED
    either = outcome({**vector, "day_count": "annual/360 or annual/365"})
    assert either.readings[0] == "HALF_UP, each segment rounded, annual/360"


def test_what_a_spreadsheet_shows_below_zero_is_what_is_paid():
    terms = {"principal": "10000", "annual_rate_pct": "8", "periods": 10, "period": "1 month"}
    right = made("equal_instalment_summary", {"payment": "-1037.03"}, **terms)
    wrong = made("equal_instalment_summary", {"payment": "-1037.30"}, **terms)

    assert outcome(right).verdict is Verdict.PASSED
    assert outcome(wrong).verdict is Verdict.FAILED


def test_a_schedule_may_assert_its_annual_rate():
    terms = {"principal": "5000", "annual_rate_pct": "12", "periods": 18, "period": "1 month"}
    terms |= {"disbursements": [{"date": "2022-11-01", "amount": "5000"}], "emi_multiple": "1"}
    totals = {"nominal_pct": "21.66", "apr_pct": "23.94"}  # FIN-RS01: flat costs nearly twice

    assert outcome(made("flat_equal_instalment", totals, **terms)).verdict is Verdict.PASSED


def test_a_first_period_may_be_an_odd_one():
    terms = {"principal": "36000", "annual_rate_pct": "10", "periods": 3, "period": "1 month"}
    terms |= {"disbursements": [{"date": "2021-01-15", "amount": "36000"}], "method": "bullet"}
    rows = [
        {"n": 1, "due_date": "2021-02-01", "days": 17, "interest": "170"},
        {"n": 2, "due_date": "2021-03-01", "interest": "300"},
        {"n": 3, "due_date": "2021-04-01", "interest": "300", "principal": "36000"},
    ]
    vector = {"id": "T", "day_count": "1/12", "expected_rows": rows, **terms}

    found = outcome(vector)
    assert found.verdict is Verdict.PASSED
    assert found.readings[0].endswith("odd first period to 2021-02-01")
    assert outcome({**vector, "first_due_date": "2021-02-02"}).verdict is Verdict.FAILED


def test_a_pay_off_may_be_shown_as_the_last_row():
    vector = changed("FIN-100-7pct-payoff", payments=None) | {
        "payoff_date": "2024-02-15",
        "expected_rows": [
            {"n": 1, "total": "17.01", "balance": "83.57"},
            {"n": 2, "due_date": "2024-02-15", "total": "83.81", "balance": "0"},
        ],
    }

    assert "one last row" in outcome(vector).readings[0]


# The command.


def run(capsys, *words):
    """(status, stdout, stderr) of the command."""
    status = main([str(word) for word in words])
    told = capsys.readouterr()
    return status, told.out, told.err


def folder_of(tmp_path, *vectors):
    """A folder with a file of vectors."""
    (tmp_path / "some.json").write_text(json.dumps({"vectors": vectors}), "utf-8")
    return tmp_path


def test_ours_all_pass_in_one_line(capsys):
    status, out, err = run(capsys)

    assert (status, err) == (0, "")
    assert out == "loan schedules: 34 passed, 0 failed, 0 not expressible\n"


def test_one_that_fails_is_named_with_both_figures_and_the_status_is_1(tmp_path, capsys):
    wrong = changed("FIN-RS02-emi-same-as-period")
    wrong["expected_rows"][2]["interest"] = "44.88"
    status, out, err = run(capsys, folder_of(tmp_path, wrong, BY_ID["NPF-IRR-1"]))

    assert (status, err) == (1, "")
    assert out.startswith("loan schedules: 1 passed, 1 failed, 0 not expressible\n")
    assert "FIN-RS02-emi-same-as-period: failed; nearest reading: HALF_EVEN+emi_levelling" in out
    assert "row 3 interest: published 44.88, ours 44.87" in out


def test_what_is_not_expressible_is_told_and_is_no_failure(tmp_path, capsys):
    strange = changed("FIN-RS02-emi-same-as-period", method="balloon")
    negative = changed("CN-63w-4.9-30y-dengebenxi", principal="1000000", use="negative")
    status, out, _ = run(capsys, folder_of(tmp_path, strange, negative))

    assert status == 0
    assert out.startswith(
        "loan schedules: 1 passed, 0 failed, 1 not expressible"
        " (1 of the passed are negative: not reached, as it should be)\n"
    )
    assert "not expressible; method 'balloon' is unknown" in out


def test_verbose_names_the_reading_that_reproduced_each(capsys):
    _, out, _ = run(capsys, "--verbose")

    assert "FIN-1250-declining: passed; reproduced by HALF_EVEN" in out
    assert len(out.splitlines()) == 35


def test_the_document_tells_everything(tmp_path, capsys):
    wrong = changed("NPF-IRR-1", expected_totals={"irr": "0.0525"})
    status, out, _ = run(capsys, "--json", folder_of(tmp_path, wrong, BY_ID["NPF-2500-8.24"]))
    document = json.loads(out)
    (family,) = document["families"]

    assert status == 1
    assert (family["name"], family["passed"], family["failed"]) == ("loan schedules", 1, 1)
    assert family["cases"][0]["differences"] == [
        {"place": "irr", "published": "0.0525", "ours": "0.0524 (rounded) or 5.2433 (rounded)"}
    ]
    assert family["cases"][1]["conventions"] == ["display only"]
    assert document["not_recognised"] == []


def test_many_failures_are_not_all_printed(tmp_path, capsys):
    wrong = [changed("NPF-IRR-1", expected_totals={"irr": "0.0999"}, id=f"v{n}") for n in range(30)]
    _, out, _ = run(capsys, folder_of(tmp_path, *wrong))

    assert "  and 10 more; --json tells all" in out


def test_a_file_that_no_family_knows_is_named(tmp_path, capsys):
    (tmp_path / "other.json").write_text('{"cases": []}', "utf-8")
    status, out, _ = run(capsys, folder_of(tmp_path, BY_ID["NPF-IRR-1"]))

    assert status == 0
    assert out.endswith("other.json: not recognised, no family has this form\n")


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        (None, None, "holds no .json file; name a folder that holds vectors"),
        ("a.json", b'{"vectors": [}', "a.json, line 1, column 14: Expecting value; mend the JSON"),
        ("a.json", b"\xff\xfe", "a.json: byte 0 is not UTF-8; save the file as UTF-8"),
        ("a.json", b"[]", "no family knows any of its files (a.json); known: loan schedules"),
        ("a.json", b'{"vectors": [1]}', "no family knows any of its files (a.json)"),
        ("a.json", b"[" * 100_000, "a.json: is nested too deeply"),
    ],
)
def test_a_folder_or_file_that_cannot_be_read_is_one_line_and_status_2(
    tmp_path, capsys, name, content, line
):
    if name:
        (tmp_path / name).write_bytes(content)
    status, out, err = run(capsys, tmp_path)

    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert line in err


def test_a_place_or_an_option_that_is_not_there_is_status_2(tmp_path, capsys):
    status, _, err = run(capsys, tmp_path / "nowhere")
    assert (status, "there is no such folder" in err) == (2, True)

    status, _, err = run(capsys, "--jsn")
    assert (status, err.count("\n")) == (2, 1)


def test_a_place_may_be_one_file():
    (tally,), strangers = check(MORE)

    assert (len(tally.of(Verdict.PASSED)), strangers) == (len(vectors_of(MORE)), [])


def test_a_missing_place_is_an_input_error(tmp_path):
    with pytest.raises(InputError):
        check(tmp_path / "nowhere")
