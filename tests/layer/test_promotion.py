"""Promotion over labels, versions, races, kills and repeats, against Secrets Manager's own rules in memory."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from storekey._promotion import Verdict, promote
from storekey._rotation import STEPS, RotationError, rotate
from storekey._secret import CANDIDATE, LIVE, PENDING, PREVIOUS, REJECTED, UNSETTLED
from tests.labels import FakeSecret, Killed


@pytest.fixture
def secret() -> FakeSecret:
    """A secret whose live version v1 was set by hand."""
    filled = FakeSecret()
    filled.stage(label=LIVE)
    return filled


def test_without_a_candidate_there_is_nothing_to_do(secret: FakeSecret) -> None:
    assert secret.promote().result == "nothing to do"
    assert secret.told == []
    assert secret.bearers == {LIVE: "v1"}


def test_a_good_candidate_becomes_live_and_the_label_goes(secret: FakeSecret) -> None:
    secret.stage()
    promotion = secret.promote()
    assert (promotion.result, promotion.version, promotion.previous) == ("promoted", "v2", "v1")
    assert "the old account may be deleted now" in promotion.detail
    assert secret.bearers == {LIVE: "v2", PREVIOUS: "v1"}
    assert secret.told == [promotion]
    assert secret.promote().result == "nothing to do"


def test_a_bad_candidate_changes_nothing_and_is_told_once(secret: FakeSecret) -> None:
    secret.stage(good=False)
    for _ in range(3):
        rejection = secret.promote()
        assert (rejection.result, rejection.version, rejection.previous) == ("rejected", "v2", "v1")
    assert secret.bearers == {LIVE: "v1", CANDIDATE: "v2", REJECTED: "v2"}
    assert len(secret.told) == 1


def test_the_next_candidate_after_a_bad_one_counts(secret: FakeSecret) -> None:
    secret.stage(good=False)
    secret.promote()
    secret.stage(good=False)
    secret.promote()
    assert secret.bearers[REJECTED] == "v3"
    secret.stage()
    assert secret.promote().version == "v4"
    assert secret.bearers == {LIVE: "v4", PREVIOUS: "v1"}
    assert [told.result for told in secret.told] == ["rejected", "rejected", "promoted"]


def test_what_could_not_be_tested_is_neither_told_nor_marked(secret: FakeSecret) -> None:
    secret.stage()
    passing = promote(secret, lambda version: Verdict("the store is unavailable", final=False), secret.tell)
    assert passing.result == "nothing to do"
    assert passing.detail == "not tested yet, it will be again: the store is unavailable"
    assert secret.told == []
    assert secret.bearers == {LIVE: "v1", CANDIDATE: "v2"}
    assert secret.promote().result == "promoted"


def test_nobody_is_told_that_the_old_account_may_go_before_the_new_one_does_all_that_it_did(secret: FakeSecret) -> None:
    secret.stage()
    secret.unsettled = 2
    for _ in range(2):
        promotion = secret.promote()
        assert (promotion.result, promotion.version, promotion.previous) == ("promoted", "v2", "v1")
        assert promotion.detail == "live, but keep the old account: its webhooks are not there yet"
        wanted = {LIVE: "v2", PREVIOUS: "v1", CANDIDATE: "v2", UNSETTLED: "v2"}
        assert secret.bearers == wanted, "it is asked for again"
        assert secret.told == []
    promotion = secret.promote()
    assert (promotion.previous, secret.told) == ("v1", [promotion])
    assert "the old account may be deleted now" in promotion.detail
    assert secret.bearers == {LIVE: "v2", PREVIOUS: "v1"}


def test_what_was_put_back_before_it_was_settled_is_not_promoted_again(secret: FakeSecret) -> None:
    secret.stage()
    secret.unsettled = 1
    secret.promote()
    secret.by_hand.add("v1")
    secret._bear(LIVE, "v1")
    promotion = secret.promote()
    assert (promotion.result, promotion.detail) == ("nothing to do", "the candidate was live and was put back")
    assert secret.bearers == {LIVE: "v1", PREVIOUS: "v2"}
    assert secret.told == []
    secret.bearers[CANDIDATE] = "v2"
    assert secret.promote().result == "promoted", "staged again, it is wanted again"


def test_what_was_settled_is_said(secret: FakeSecret) -> None:
    secret.stage()
    promotion = promote(secret, secret.test, lambda _: None, lambda _: "the old account may be deleted in ten minutes")
    assert "are live; the old account may be deleted in ten minutes, unless it is the same one" in promotion.detail


def test_a_first_version_that_is_refused_is_told_as_what_it_is() -> None:
    secret = FakeSecret()
    secret.stage(good=False)
    rejection = secret.promote()
    assert (rejection.result, rejection.previous) == ("rejected", None)
    assert "it is live already" in rejection.detail


def test_a_first_version_is_live_by_secrets_managers_own_rule() -> None:
    secret = FakeSecret()
    secret.stage()
    promotion = secret.promote()
    assert (promotion.result, promotion.previous) == ("promoted", None)
    assert secret.bearers == {LIVE: "v1"}


def test_a_candidate_replaced_while_it_is_tested_is_not_promoted(secret: FakeSecret) -> None:
    secret.stage()
    secret.meanwhile = secret.stage
    assert secret.promote().version == "v3"
    assert secret.bearers == {LIVE: "v3", PREVIOUS: "v1"}


def test_a_race_for_the_live_label_is_run_again(secret: FakeSecret) -> None:
    secret.stage()
    secret.meanwhile = lambda: secret.stage(label=LIVE)
    promotion = secret.promote()
    assert (promotion.version, promotion.previous) == ("v2", "v3")


def test_two_promotions_at_once_promote_once(secret: FakeSecret) -> None:
    secret.stage()
    secret.meanwhile = secret.promote
    assert secret.promote().result == "nothing to do"
    assert secret.bearers == {LIVE: "v2", PREVIOUS: "v1"}
    assert len(secret.told) == 1


@pytest.mark.parametrize("good", [True, False])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_call_a_repeat_ends_right(good: bool, when: str) -> None:
    killed = 0
    for call in range(1, 30):
        secret = FakeSecret()
        secret.stage(label=LIVE)
        secret.stage(good)
        secret.kill_at = (call, when)
        try:
            secret.promote()
        except Killed:
            killed += 1
            secret.kill_at = (0, "")
            secret.promote()
        wanted = {LIVE: "v2", PREVIOUS: "v1"} if good else {LIVE: "v1", CANDIDATE: "v2", REJECTED: "v2"}
        assert secret.bearers == wanted, f"killed {when} call {call}"
        assert {told.result for told in secret.told} == {"promoted" if good else "rejected"}
        assert len(secret.told) <= 2
    assert killed >= (6 if when == "before" else 1)


class Life(RuleBasedStateMachine):
    """Owners stage, overwrite and roll back, tokens die, promotions and rotations race and are killed, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.secret = FakeSecret()
        self.rotations = itertools.count(1)

    @rule(good=st.booleans())
    def stage(self, good: bool) -> None:
        self.secret.stage(good)

    @rule(good=st.booleans())
    def overwrite_by_hand(self, good: bool) -> None:
        self.secret.stage(good, LIVE)

    @precondition(lambda self: PREVIOUS in self.secret.bearers)
    @rule()
    def roll_back(self) -> None:
        previous = self.secret.bearers[PREVIOUS]
        self.secret.by_hand.add(previous)
        self.secret._bear(LIVE, previous)

    @precondition(lambda self: self.secret.good)
    @rule(data=st.data())
    def a_token_dies(self, data: st.DataObject) -> None:
        self.secret.good.discard(data.draw(st.sampled_from(sorted(self.secret.good))))

    @rule(act=st.sampled_from(["stage good", "stage bad", "overwrite", "promote", "nothing"]))
    def promote_in_a_race(self, act: str) -> None:
        acts: dict[str, Callable[[], object]] = {
            "stage good": self.secret.stage,
            "stage bad": lambda: self.secret.stage(False),
            "overwrite": lambda: self.secret.stage(label=LIVE),
            "promote": self.secret.promote,
            "nothing": lambda: None,
        }
        self.secret.meanwhile = acts[act]
        self.finish()

    @rule(call=st.integers(1, 12), when=st.sampled_from(["before", "after"]))
    def promote_killed(self, call: int, when: str) -> None:
        self.secret.calls, self.secret.kill_at = 0, (call, when)
        with contextlib.suppress(Killed):
            self.secret.promote()
        self.secret.kill_at = (0, "")

    @rule(call=st.integers(1, 30), when=st.sampled_from(["before", "after"]), again=st.booleans())
    def rotate_killed(self, call: int, when: str, again: bool) -> None:
        # Secrets Manager takes up a rotation that was not finished, however much later.
        token = self.secret.bearers.setdefault(PENDING, f"rotation {next(self.rotations)}")
        self.secret.calls, self.secret.kill_at = 0, (call, when)
        for _ in range(1 + again):
            with contextlib.suppress(Killed, RotationError):
                for step in STEPS:
                    rotate(self.secret, step, token, self.secret.test, self.secret.tell, settle=self.secret.settle)
            self.secret.kill_at = (0, "")
        if again:
            assert PENDING not in self.secret.bearers, "the way is not free for the next rotation"

    @rule(times=st.integers(1, 3))
    def webhooks_cannot_be_made(self, times: int) -> None:
        self.secret.unsettled = times

    @rule()
    def finish(self) -> None:
        result = self.secret.promote().result
        self.secret.meanwhile = None
        while self.secret.unsettled:  # each check has it tried again
            result = self.secret.promote().result
            self.secret.unsettled = 0 if result != "promoted" else self.secret.unsettled
        result = self.secret.promote().result if CANDIDATE in self.secret.bearers else result
        if result == "rejected":
            assert self.secret.bearers[REJECTED] == self.secret.bearers[CANDIDATE]
        else:
            assert CANDIDATE not in self.secret.bearers

    @invariant()
    def what_is_live_was_proven_or_set_by_hand(self) -> None:
        live = self.secret.bearers.get(LIVE)
        assert live is None or live in self.secret.proven | self.secret.by_hand
        assert live is None or live in self.secret.values, "a version without a value is live"


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=200, stateful_step_count=25)
