"""The banks' and products' files: what stands in them, and the one line that each mistake earns."""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.annuity import MONTH_PPM, annuity
from core.application import Step
from core.banks import BANKS, Bank, load_banks
from core.config import Strict, checked, read_toml
from core.errors import InputError
from core.lending.pricing import disclosed
from core.lending.schedule import schedule
from core.money import lpr_ppm
from core.policies import ADDABLE, POLICIES, Check, checks_of
from core.products import PRODUCTS, Kind, Method, Product, load_products, products_of

ALL_BANKS = load_banks()
ALL = load_products(ALL_BANKS)
A_BANK = (BANKS / "qingluo.toml").read_text("utf-8")
A_PRODUCT = (PRODUCTS / "qingluo-wage.toml").read_text("utf-8")


def told(call, *args):
    """Return the one line of the InputError that a call must end in."""
    with pytest.raises(InputError) as error:
        call(*args)
    line = str(error.value)
    assert "\n" not in line
    return line


def product_with(**changed):
    """Return the product of the file with some keys changed (``pricing__cap_ppm`` is nested)."""
    raw = tomllib.loads(A_PRODUCT)
    for key, value in changed.items():
        table, _, inner = key.rpartition("__")
        (raw[table] if table else raw)[inner] = value
    return checked(raw, Product, "p.toml")


# What stands in the files.


def test_there_are_58_banks_in_the_waves_of_the_source():
    assert Counter(bank.wave for bank in ALL_BANKS.values()) == {
        "pilot": 5,
        "september": 20,
        "october": 6,
        "later": 27,
    }


def test_every_bank_has_a_product_of_its_own_and_no_two_are_the_same():
    assert {product.bank for product in ALL.values()} == set(ALL_BANKS)
    assert len({repr(product.terms) for product in ALL.values()}) == len(ALL) > 80
    for bank in ALL_BANKS:
        assert [product.bank for product in products_of(bank, ALL)] in ([bank], [bank, bank])


def test_the_products_differ_in_everything_that_the_source_lets_a_bank_configure():
    products = list(ALL.values())
    assert {product.method for product in products} == set(Method)
    assert {product.policy for product in products} == set(POLICIES)
    assert len({product.months for product in products}) > 5
    assert len({product.line_max_fen for product in products}) > 5
    assert len({repr(product.pricing) for product in products}) > 60
    assert len({repr(product.admission) for product in products}) > 60
    assert len({product.added_checks for product in products}) > 8
    assert 0.5 < sum(product.kind is Kind.CONSUMER for product in products) / len(products) < 0.6


def test_no_price_is_above_four_times_the_lpr_even_as_it_is_disclosed():
    for product in ALL.values():
        principal_fen, rate_ppm = product.draw_min_fen, product.pricing.cap_ppm
        rows = schedule(product.method, principal_fen, rate_ppm, product.valid_from, product.months)
        # A hundred millionths for the rounding of a small loan and for 31-day months over 360.
        shown = disclosed(principal_fen, rows).simple_ppm
        days = 366 / 360 if product.method is Method.DAILY else 1
        assert shown <= 4 * lpr_ppm(product.valid_from) * days + 100, product.id


def test_a_product_takes_its_banks_policy_unless_it_names_its_own():
    assert ALL["dicha-wage"].policy == ALL_BANKS["dicha"].policy == "prudent"
    assert (ALL["yunbo-shop"].policy, ALL_BANKS["yunbo"].policy) == ("prudent", "source")


def test_a_product_is_on_sale_between_its_dates():
    product = ALL["qingluo-wage"]
    assert product.offered(product.valid_from)
    assert product.offered(product.valid_to)
    assert not product.offered(date(2020, 6, 30))


# Which checks run at which step.


def test_the_source_policy_is_the_table_of_the_source():
    assert {step: set(checks) for step, checks in POLICIES["source"].items() if checks} == {
        Step.REGISTER: {Check.OCR, Check.CARRIER},
        Step.APPLY: {Check.FACE},
        Step.OPEN_ACCOUNT: {
            Check.CARRIER,
            Check.ID_NETWORK,
            Check.NAME_LIST,
            Check.FACE,
            Check.FACE_PHOTO,
            Check.FIVE_ELEMENTS,
        },
        Step.SIGN: {Check.FACE},
        Step.DRAW_DOWN: {Check.FACE},
        Step.AFTER_LOAN: {Check.NAME_LIST},
    }


def test_prudent_adds_checks_and_takes_none_away():
    source, prudent = POLICIES["source"], POLICIES["prudent"]
    added = {step: prudent[step] - source[step] for step in Step if prudent[step] != source[step]}

    assert all(source[step] <= prudent[step] for step in Step)
    assert added == {
        Step.APPLY: {Check.ID_NETWORK, Check.NAME_LIST},
        Step.DRAW_DOWN: {Check.NAME_LIST},
    }


@pytest.mark.parametrize("product", ALL.values(), ids=lambda product: product.id)
def test_every_step_has_its_policys_checks_and_those_the_product_adds(product):
    checks = checks_of(product)

    assert list(checks) == list(Step)
    for step in Step:
        added = checks[step] - POLICIES[product.policy][step]
        assert added <= ADDABLE.get(step, frozenset())
        assert all(f"{step}:{check}" in product.added_checks for check in added)


# Files that cannot be read.


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('id = "qingluo"', "id = ", "line 2, column 6: Invalid value; mend the TOML there"),
        ("wave", "wawe", "qingluo.toml: wawe: unknown key (and 1 more); did you mean 'wave'?"),
        ('"pilot"', '"pilots"', "wave: 'pilots' is none of the choices; did you mean 'pilot'?"),
        ("weight = 1.79", 'weight = "1.79"', "weight: '1.79' is not a number; write a number"),
        ("weight = 1.79", "weight = 0", "weight: 0 is out of bounds; it should be greater than 0"),
        ('wave = "pilot"', "", "qingluo.toml: wave: is missing; add wave = ..."),
        ('"qingluo"', '"qinglou"', "'qinglou' differs from the file's name; write 'qingluo' or"),
        ("329901", "320102", "division: '320102' is out of bounds; it should"),
    ],
)
def test_a_wrong_bank_file_is_named_with_its_key_and_the_nearest_right_thing(
    tmp_path, old, new, line
):
    assert old in A_BANK
    (tmp_path / "qingluo.toml").write_text(A_BANK.replace(old, new, 1), "utf-8")

    assert line in told(load_banks, tmp_path)


def test_no_two_banks_share_a_division_a_bin_or_a_name(tmp_path):
    (tmp_path / "qingluo.toml").write_text(A_BANK, "utf-8")
    other = (BANKS / "yunbo.toml").read_text("utf-8").replace("329902", "329901")
    (tmp_path / "yunbo.toml").write_text(other, "utf-8")

    line = told(load_banks, tmp_path)
    assert line.endswith(
        "yunbo.toml: division: '329901' belongs to 'qingluo'; give each bank its own"
    )


def test_an_absent_folder_file_or_letter_is_said_plainly(tmp_path):
    (tmp_path / "banks").mkdir()
    assert "there is no such folder; did you mean 'banks'?" in told(load_banks, tmp_path / "bnaks")
    assert "holds no .toml file" in told(load_banks, tmp_path / "banks")

    file = tmp_path / "qingluo.toml"
    file.write_bytes(A_BANK.encode("gb18030"))
    assert "is not UTF-8; save the file as UTF-8" in told(read_toml, file, Bank)
    missing = told(read_toml, tmp_path / "qinglou.toml", Bank)
    assert "there is no such file; did you mean 'qingluo.toml'?" in missing
    assert "cannot be read" in told(read_toml, tmp_path, Bank)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (
            {"line_max_fen": 25_000_000},
            (
                "p.toml: line_max_fen: 250,000.00 yuan for a consumer, and an unsecured consumer"
                " line may have 200,000.00 at most (CBIRC order 2020 No.9);"
                " write at most 20_000_000"
            ),
        ),
        (
            {"method": "bullet", "months": 13},
            (
                "p.toml: months: 13 with method 'bullet', and a consumer loan repaid in one sum may"
                " run 12 months (CBIRC order 2020 No.9); write at most 12, or repay in instalments"
            ),
        ),
        (
            {"pricing__cap_ppm": 154_001},
            (
                "p.toml: pricing.cap_ppm: 15.4001 % is above four times the LPR of 2020-07-01,"
                " 15.4 %; write at most 154000"
            ),
        ),
        (
            {"pricing__overdue_surcharge_pct": 29},
            "pricing.overdue_surcharge_pct: 29 is outside 30 to 50 (银发〔2003〕251号)",
        ),
        (
            {"method": "flat", "months": 12, "pricing__cap_ppm": 90_000},
            "9 % flat over 12 months costs more than 15.4 % on the principal really owed",
        ),
        ({"pricing__floor_ppm": 150_000}, "pricing.floor_ppm: 150000 is above cap_ppm"),
        ({"line_min_fen": 30_000_000}, "line_min_fen: 30000000 is above line_max_fen"),
        ({"draw_min_fen": 9_000_000}, "draw_min_fen: 9000000 is above line_min_fen"),
        ({"age_min": 70}, "age_min: 70 is above age_max"),
        ({"valid_to": date(2020, 1, 1)}, "valid_from: 2020-07-01 is above valid_to, 2020-01-01"),
        ({"age_min": 17}, "age_min: 17 is out of bounds; it should be greater than or equal to 18"),
        (
            {"draw_min_fen": 1_000, "months": 360, "method": "equal_instalment"},
            (
                "360 months at 14 % leave a drawdown of 10.00 yuan no principal to repay in its"
                " first instalment; shorten the term, lower the cap or raise draw_min_fen"
            ),
        ),
        ({"method": "equal_instalments"}, "did you mean 'equal_instalment'?"),
        ({"policy": "sourced"}, "policy: 'sourced' is none of the choices; did you mean 'source'?"),
        ({"months": 12.0}, "months: 12.0 is not a whole number"),
        ({"months": True}, "months: True is not a whole number"),
        ({"valid_from": "2020-07-01"}, "'2020-07-01' is not a date such as 2020-07-01"),
        (
            {"added_checks": ["apply:id_netwrk"]},
            "added_checks: 'apply:id_netwrk' cannot be added; did you mean 'apply:id_network'?",
        ),
        (
            {"added_checks": ["sign:five_elements"]},
            "added_checks: 'sign:five_elements' cannot be added; did you mean",
        ),
        ({"added_checks": ["apply:name_list"] * 2}, "'apply:name_list' stands twice"),
        ({"pricing__cap_ppn": 1}, "pricing.cap_ppn: unknown key; did you mean 'cap_ppm'?"),
        (
            {"pricing__spread_bp": {"A": 1, "B": 2, "C": 3, "D": 4}},
            "p.toml: pricing.spread_bp.E: is missing; give every rating, A to E",
        ),
        (
            {"pricing__spread_bp": {"A": 1, "B": 2, "C": 3, "D": 4, "F": 4}},
            "p.toml: pricing.spread_bp.F: is no rating; give A to E",
        ),
        (
            {"pricing__spread_bp": {"A": 100, "B": 200, "C": 150, "D": 400, "E": 500}},
            "pricing.spread_bp.C: rating C pays less than B; let the spread rise, A to E",
        ),
        (
            {"pricing__spread_bp": dict.fromkeys("ABCDE", 5_000)},
            "LPR plus spread is 53.85 % to 53.85 %, all outside floor and cap",
        ),
        (
            {"line__income_multiple_ppm": {"A": 3, "B": 2, "C": 1, "D": 0, "E": 9}},
            "line.income_multiple_ppm.E: rating E gets more than D; let it fall, A to E",
        ),
        ({"bank": "yunbo"}, "bank: 'yunbo' does not own 'qingluo-wage'; write 'qingluo'"),
        ({"line": 3}, "line: 3 is not a table"),
    ],
)
def test_a_product_that_contradicts_itself_or_the_law_is_not_read(changed, line):
    assert line in told(lambda: product_with(**changed))


def test_business_lines_and_terms_are_not_bound_by_the_consumer_rules():
    product = product_with(kind="business", method="bullet", months=18, line_max_fen=30_000_000)
    assert product.line_max_fen == 30_000_000


def test_several_contradictions_are_counted():
    line = told(lambda: product_with(line_max_fen=25_000_000, pricing__cap_ppm=200_000))
    assert "(CBIRC order 2020 No.9) (and 1 more); write" in line


def test_a_products_file_names_a_bank_that_exists_and_copies_nobody(tmp_path):
    (tmp_path / "qingluo-wage.toml").write_text(A_PRODUCT, "utf-8")
    assert list(load_products(ALL_BANKS, tmp_path)) == ["qingluo-wage"]

    copy = A_PRODUCT.replace("qingluo", "yunbo")
    (tmp_path / "yunbo-wage.toml").write_text(copy, "utf-8")
    line = told(load_products, ALL_BANKS, tmp_path)
    assert "yunbo-wage.toml: the same terms as 'qingluo-wage'" in line

    (tmp_path / "yunbo-wage.toml").unlink()
    (tmp_path / "qinglou-wage.toml").write_text(A_PRODUCT.replace("qingluo", "qinglou"), "utf-8")
    line = told(load_products, ALL_BANKS, tmp_path)
    assert "qinglou-wage.toml: bank: 'qinglou' is no bank; did you mean 'qingluo'?" in line


def test_nearest_keys_are_found_through_lists_and_free_names():
    class Inner(Strict):
        quota_per_s: int

    class Outer(Strict):
        fault: list[Inner] = []  # noqa: RUF012
        providers: dict[str, Inner] = {}  # noqa: RUF012

    wrong = {"quota_per_s": 1, "quota_pers": 1}
    line = told(checked, {"fault": [wrong]}, Outer, "f.toml")
    assert line == "f.toml: fault.0.quota_pers: unknown key; did you mean 'quota_per_s'?"
    line = told(checked, {"providers": {"face": wrong}}, Outer, "f.toml")
    assert line == "f.toml: providers.face.quota_pers: unknown key; did you mean 'quota_per_s'?"


# The annuity factor.


@given(st.integers(0, 400_000), st.integers(1, 360))
def test_the_annuity_factor_repays_exactly(rate_ppm, months):
    instalment, balance = Fraction(*annuity(rate_ppm, months)), Fraction(1)
    for _ in range(min(months, 24)):
        balance += balance * rate_ppm / MONTH_PPM - instalment
    if months <= 24:
        assert balance == 0
    else:
        assert 0 < balance < 1
