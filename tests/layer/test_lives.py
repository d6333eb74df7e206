"""Promotions, rotations and their owners over one secret, in any order, by Hypothesis."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Sequence

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from storekey._rotation import STEPS, RotationError, rotate
from storekey._secret import CANDIDATE, LIVE, PENDING, PREVIOUS, REJECTED, UNSETTLED, LabelMovedError
from tests.labels import FakeSecret, Killed


def _killed() -> None:
    raise Killed


class Life(RuleBasedStateMachine):
    """Owners stage, overwrite and roll back, tokens die, promotions and rotations race and are killed, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.secret = FakeSecret()
        self.rotations = itertools.count(1)
        self.put_back: set[str] = set()

    @rule(good=st.booleans())
    def stage(self, good: bool) -> None:
        self.secret.stage(good)

    @rule(good=st.booleans())
    def overwrite_by_hand(self, good: bool) -> None:
        self.secret.stage(good, LIVE)

    @precondition(lambda self: PREVIOUS in self.secret.bearers)
    @rule()
    def roll_back(self) -> None:
        self.go_back()

    def go_back(self) -> None:
        bearers, values = self.secret.bearers, self.secret.values
        if PREVIOUS not in bearers:
            return
        if bearers.get(UNSETTLED) == bearers.get(CANDIDATE) and values[bearers[LIVE]] == values.get(
            bearers.get(CANDIDATE, "")
        ):
            self.put_back.add(values[bearers[LIVE]])
        self.secret.roll_back()

    @precondition(lambda self: self.secret.good)
    @rule(data=st.data())
    def a_token_dies(self, data: st.DataObject) -> None:
        self.secret.good.discard(data.draw(st.sampled_from(sorted(self.secret.good))))

    @rule(
        act=st.sampled_from(["stage good", "stage bad", "overwrite", "promote", "rotate", "roll back"]),
        settling=st.booleans(),
    )
    def promote_in_a_race(self, act: str, settling: bool) -> None:
        acts: dict[str, Callable[[], object]] = {
            "stage good": self.secret.stage,
            "stage bad": lambda: self.secret.stage(False),
            "overwrite": lambda: self.secret.stage(label=LIVE),
            "promote": self.secret.promote,
            "rotate": lambda: self.rotate(STEPS),
            "roll back": self.go_back,
        }
        setattr(self.secret, "while_settling" if settling else "meanwhile", acts[act])
        self.finish()

    @rule(meanwhile=st.sampled_from(["promote", "roll back"]))
    def rotate_in_a_race(self, meanwhile: str) -> None:
        self.rotate(STEPS[:3])
        acts: dict[str, Callable[[], object]] = {"promote": self.secret.promote, "roll back": self.go_back}
        self.secret.while_settling = acts[meanwhile]
        self.rotate(STEPS[3:])
        self.secret.while_settling = None

    @rule()
    def a_rotation_ends_while_a_promotion_settles(self) -> None:
        self.rotate(STEPS[:3])
        self.secret.while_settling = lambda: self.rotate(STEPS[3:])
        self.finish()

    @rule(by=st.sampled_from(["promotion", "rotation"]), then=st.sampled_from(["promote", "rotate", "rotate anew"]))
    def its_owner_goes_back_after_a_kill(self, by: str, then: str) -> None:
        self.secret.while_settling = _killed
        with contextlib.suppress(Killed):
            self.secret.promote() if by == "promotion" else self.rotate(STEPS)
        self.secret.while_settling = None
        self.go_back()
        if then == "promote":
            self.finish()
        else:
            self.rotate(STEPS if then == "rotate anew" else STEPS[3:])

    def rotate(self, steps: Sequence[str]) -> None:
        token = self.secret.bearers.setdefault(PENDING, f"rotation {next(self.rotations)}")
        with contextlib.suppress(RotationError, LabelMovedError):
            for step in steps:
                rotate(self.secret, step, token, self.secret.test, self.secret.tell, settle=self.secret.settle)

    @rule(call=st.integers(1, 16), when=st.sampled_from(["before", "after"]))
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
        self.secret.meanwhile = self.secret.while_settling = None
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

    @invariant()
    def what_its_owner_put_back_is_live_by_hand_alone(self) -> None:
        live = self.secret.bearers.get(LIVE, "")
        assert self.secret.values.get(live) not in self.put_back or live in self.secret.by_hand


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=200, stateful_step_count=25)
