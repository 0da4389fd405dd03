"""Numbers that check themselves: born right or not at all, and never seen in the open."""

from __future__ import annotations

import copy
import pickle
from datetime import date, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from id_validator import helper, validator

from core.errors import InputError
from core.identity import (
    CODE_ALPHABET,
    PROVINCES,
    CardNumber,
    IdNumber,
    PhoneNumber,
    Segment,
    UnifiedCreditCode,
    mask_name,
)

# The examples of GB 11643-1999, and the code published for a real company (GB 32100).
STANDARD = ("11010519491231002X", "440524188001010014")
COMPANY = "9144030071526726XG"
PHONE = "19784001234"

births = st.dates(date(1900, 1, 1), date(2025, 12, 31))
divisions = st.builds(
    lambda province, rest: f"{province}{rest:04d}",
    st.sampled_from(sorted(PROVINCES)),
    st.integers(0, 9999),
)
first17s = st.builds(
    lambda division, birth, order: f"{division}{birth:%Y%m%d}{order:03d}",
    divisions,
    births,
    st.integers(0, 999),
)
id_texts = first17s.map(lambda first17: first17 + IdNumber.check_digit(first17))
cards = st.builds(
    lambda issuer, body: CardNumber.make(str(issuer), body),
    st.integers(629_000, 629_999),
    st.integers(9, 12).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n)),
)
codes = st.builds(
    lambda division, body: UnifiedCreditCode.make("92", division, body),
    divisions,
    st.text(CODE_ALPHABET, min_size=8, max_size=8),
)
phones = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True).map(PhoneNumber)
numbers = st.one_of(id_texts.map(IdNumber), cards, codes, phones)


@pytest.mark.parametrize("text", STANDARD)
def test_the_standards_own_examples_are_good(text):
    assert IdNumber(text).text == text


@given(first17s)
def test_the_check_digit_agrees_with_an_independent_oracle(first17):
    assert IdNumber.check_digit(first17) == helper.generator_check_bit(first17)


@given(st.sampled_from(["320102", "320506", "110105", "440305"]), births, st.integers(0, 999))
@settings(max_examples=8)  # the oracle builds its table of places anew for each question
def test_birth_and_sex_agree_with_an_independent_oracle_where_it_knows_the_place(
    division, birth, order
):
    first17 = f"{division}{birth:%Y%m%d}{order:03d}"
    number = IdNumber(first17 + IdNumber.check_digit(first17))

    said = validator.get_info(number.text)
    assert said["birthday_code"] == number.birth.isoformat()
    assert said["sex"] == (number.sex == "男")
    assert number.region == division


@given(id_texts, st.integers(0, 17), st.sampled_from("0123456789X"))
def test_one_wrong_digit_never_passes(text, place, digit):
    assume(text[place] != digit)
    with pytest.raises(InputError):
        IdNumber(text[:place] + digit + text[place + 1 :])


@given(id_texts, st.integers(0, 16))
def test_two_neighbours_changed_about_never_pass(text, place):
    assume(text[place] != text[place + 1])
    with pytest.raises(InputError):
        IdNumber(text[:place] + text[place + 1] + text[place] + text[place + 2 :])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("110105194912310021", "the check digit is '1' and should be 'X'"),
        ("110105194902300020", "its birth date does not exist"),
        ("110105190002290020", "its birth date does not exist"),  # 1900 was no leap year
        ("990105194912310025", "no province has the code 99"),
        ("830105194912310025", "no province has the code 83"),
        ("110105170012310025", "nobody was born before 1800"),
        ("110105491231002", "it is not 17 digits and a digit or X (15 characters)"),
        ("", "it is not 17 digits and a digit or X (0 characters)"),
        (
            "１１０１０５１９４９１２３１００２X",
            "it is not 17 digits and a digit or X (18 characters)",
        ),
        ("1101051949123100 X", "it is not 17 digits and a digit or X (18 characters)"),
    ],
)
def test_a_wrong_number_says_what_is_wrong_and_hides_itself(text, problem):
    with pytest.raises(InputError) as refusal:
        IdNumber(text)
    assert refusal.value.problem == problem
    assert refusal.value.remedy
    assert not text or text not in str(refusal.value)


def test_a_small_x_is_read_as_a_capital_one():
    assert IdNumber("11010519491231002x") == IdNumber("11010519491231002X")


@given(divisions, st.dates(date(1900, 1, 1), date(1999, 12, 31)), st.integers(0, 995))
def test_an_old_number_gains_a_century_and_the_oracles_check_digit(division, birth, order):
    old = f"{division}{birth:%y%m%d}{order:03d}"
    number = IdNumber.from_15(old)

    assert number.birth == birth
    body = f"{old[:6]}19{old[6:]}"
    assert number.text == body + helper.generator_check_bit(body)


def test_an_old_number_of_a_real_place_is_upgraded_as_the_oracle_does_it():
    old = "320582901231123"
    assert IdNumber.from_15(old).text == validator.upgrade_id(old)


def test_the_last_sequences_of_old_numbers_are_of_people_past_a_hundred():
    assert IdNumber.from_15("110105801231998").birth == date(1880, 12, 31)


@pytest.mark.parametrize(
    ("birth", "day", "age"),
    [
        (date(2000, 2, 29), date(2018, 2, 28), 17),
        (date(2000, 2, 29), date(2018, 3, 1), 18),
        (date(2000, 2, 29), date(2020, 2, 28), 19),
        (date(2000, 2, 29), date(2020, 2, 29), 20),
        (date(2002, 7, 1), date(2020, 6, 30), 17),
        (date(2002, 7, 1), date(2020, 7, 1), 18),
        (date(2002, 12, 31), date(2020, 1, 1), 17),
        (date(2020, 7, 1), date(2020, 7, 1), 0),
    ],
)
def test_a_year_of_age_is_full_on_the_birthday(birth, day, age):
    first17 = f"329934{birth:%Y%m%d}001"
    assert IdNumber(first17 + IdNumber.check_digit(first17)).age_on(day) == age


@given(births, st.integers(0, 90 * 366))
def test_age_never_falls_and_rises_by_one_a_year(birth, days):
    first17 = f"329934{birth:%Y%m%d}001"
    number = IdNumber(first17 + IdNumber.check_digit(first17))
    day = birth + timedelta(days=days)
    assert 0 <= number.age_on(day + timedelta(days=1)) - number.age_on(day) <= 1
    assert number.age_on(day) in (days // 366, days // 365)


def test_a_published_credit_code_is_good_in_both_its_checks():
    code = UnifiedCreditCode(COMPANY)
    assert code.text[-1] == "G"
    assert code.text[-2] == "X"  # of the organisation code 71526726
    assert code.division == "440300"
    assert UnifiedCreditCode.make("91", "440300", "71526726") == code


@given(codes, st.integers(0, 17), st.sampled_from(CODE_ALPHABET))
def test_one_wrong_character_never_makes_a_credit_code(code, place, character):
    assume(code.text[place] != character)
    with pytest.raises(InputError):
        UnifiedCreditCode(code.text[:place] + character + code.text[place + 1 :])


def test_the_inner_check_of_a_credit_code_counts_too():
    # Character 17 changed, and the last one made right again: only the inner check can tell.
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
    first17 = COMPANY[:16] + "7"
    total = sum(w * CODE_ALPHABET.index(c) for w, c in zip(weights, first17, strict=True))
    with pytest.raises(InputError, match="organisation code"):
        UnifiedCreditCode(first17 + CODE_ALPHABET[(31 - total % 31) % 31])


@pytest.mark.parametrize("text", [COMPANY.lower(), COMPANY[:-1], "I" + COMPANY[1:], COMPANY + "0"])
def test_what_is_not_in_the_alphabet_is_no_credit_code(text):
    with pytest.raises(InputError, match="without I, O, S, V, Z"):
        UnifiedCreditCode(text)


@pytest.mark.parametrize(
    ("prefixes", "segment"),
    [
        ("1340 1348 135 139 147 148 150 157 172 178 182 187 188 195 197 198", Segment.MOBILE),
        ("130 132 145 146 155 156 166 175 176 185 186 196", Segment.UNICOM),
        ("133 1349 141 149 153 173 174 177 180 181 189 190 191 193 199", Segment.TELECOM),
        ("162 165 167 170 1700 1705 1709 171", Segment.VIRTUAL),
        ("192", Segment.BROADCAST),
        ("140 142 154 160 163 164 168 169 179 194", Segment.UNASSIGNED),
    ],
)
def test_a_segment_says_who_handed_a_number_out(prefixes, segment):
    for prefix in prefixes.split():
        assert PhoneNumber(prefix.ljust(11, "5")).segment is segment, prefix


@pytest.mark.parametrize(
    "text",
    ["1978400123", "197840012345", "12784001234", "29784001234", "+8619784001", "1978400123４"],
)
def test_what_cannot_be_dialled_is_no_phone_number(text):
    with pytest.raises(InputError, match="no mobile number"):
        PhoneNumber(text)


def luhn(text: str) -> bool:
    """The textbook's loop, as a second witness."""
    total = 0
    for place, digit in enumerate(reversed(text)):
        doubled = int(digit) * (1 + place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


@given(cards)
def test_a_made_card_has_the_textbooks_check_digit(card):
    assert luhn(card.text)
    assert card.bin.startswith("629")


@given(st.text("0123456789", min_size=16, max_size=19))
def test_a_card_is_born_exactly_when_the_textbook_agrees(text):
    if luhn(text):
        assert CardNumber(text).bin == text[:6]
    else:
        with pytest.raises(InputError, match="check digit"):
            CardNumber(text)


@pytest.mark.parametrize("text", ["", "629000", "6290001" * 3, "62900010000000000X", "4111-1111"])
def test_what_is_too_short_or_no_number_is_no_card(text):
    with pytest.raises(InputError, match="16 to 19 digits"):
        CardNumber(text)


@pytest.mark.parametrize("issuer", ["622848", "62900", "6290000", "628999"])
def test_no_card_of_a_bank_that_could_be_real_is_made(issuer):
    with pytest.raises(InputError, match="could be a real bank's"):
        CardNumber.make(issuer, "0" * 12)


@given(numbers)
def test_no_way_of_printing_shows_the_plain_number(number):
    shown = [
        repr(number),
        str(number),
        f"{number}",
        "%s" % number,  # noqa: UP031  loggers print so
        repr([number]),
        f"{number!r:>40}",
    ]
    for text in shown:
        assert number.text not in text
        assert "*" in text


def test_masks_show_as_much_as_banks_do():
    assert str(IdNumber(STANDARD[0])) == "1****************X"
    assert str(PhoneNumber(PHONE)) == "197****1234"
    assert str(CardNumber.make("629001", "123456789012")) == "629001*********0127"
    assert str(UnifiedCreditCode(COMPANY)) == "9144**********26XG"
    assert [mask_name(name) for name in ("王", "王伟", "欧阳建国", "")] == ["*", "王*", "欧***", ""]


@given(numbers, numbers)
def test_numbers_are_equal_by_kind_and_text(one, other):
    assert (one == other) == (type(one) is type(other) and one.text == other.text)
    assert hash(one) == hash(type(one)(one.text))
    assert one != one.text


@given(numbers)
def test_a_number_is_copied_and_sent_whole_and_never_changed(number):
    for again in (pickle.loads(pickle.dumps(number)), copy.deepcopy(number)):
        assert again == number
    with pytest.raises(AttributeError):
        number.text = "another"
    with pytest.raises(AttributeError):
        del number.text
    with pytest.raises(AttributeError):
        number.extra = "new"
