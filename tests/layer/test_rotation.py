"""The four steps of a rotation: with and without a candidate, repeated, raced and killed at any call."""

from __future__ import annotations

import pytest

from storekey import CandidateRejected, NoCandidate, NotPending, NotTested
from storekey._promotion import Verdict
from storekey._rotation import STEPS, rotate
from storekey._secret import CANDIDATE, LIVE, PENDING, PREVIOUS, REJECTED, UNSETTLED, LabelMovedError
from tests.labels import FakeSecret, Killed

TOKEN = "00000000-0000-0000-0000-00000000000a"


@pytest.fixture
def secret() -> FakeSecret:
    """A secret whose live version v1 was set by hand, and whose rotation has just begun."""
    return begun()


def begun(candidate: bool | None = None) -> FakeSecret:
    filled = FakeSecret()
    filled.stage(label=LIVE)
    if candidate is not None:
        filled.stage(candidate)
    filled.bearers[PENDING] = TOKEN  # as Secrets Manager does before the first step: a version without a value
    return filled


def steps(secret: FakeSecret, *names: str) -> None:
    for name in names or STEPS:
        rotate(secret, name, TOKEN, secret.test, secret.tell, settle=secret.settle)


def test_a_candidate_becomes_live_in_four_steps(secret: FakeSecret) -> None:
    secret.stage()
    steps(secret)
    assert secret.bearers == {LIVE: TOKEN, PREVIOUS: "v1"}
    assert secret.values[TOKEN] == "value of v2"
    (told,) = secret.told
    assert (told.result, told.version, told.previous) == ("promoted", TOKEN, "v1")
    assert told.detail.startswith("the Basic credentials of orders-export at store-abc.mybigcommerce.com are live")


def test_every_step_may_be_repeated(secret: FakeSecret) -> None:
    secret.stage()
    for step in STEPS:
        steps(secret, step, step)
    steps(secret)
    assert secret.bearers == {LIVE: TOKEN, PREVIOUS: "v1"}
    assert len(secret.told) == 1


def test_what_is_not_settled_is_left_to_the_promotion(secret: FakeSecret) -> None:
    secret.stage()
    secret.unsettled = 1
    with pytest.raises(NotTested, match="live, but keep the old account: its webhooks are not there yet"):
        steps(secret)
    wanted = {LIVE: TOKEN, PREVIOUS: "v1", CANDIDATE: "v2", UNSETTLED: "v2"}
    assert secret.bearers == wanted, "the way is free for the next rotation"
    assert secret.told == []
    steps(secret, "finishSecret")
    assert secret.told == [], "Secrets Manager's own repeat finds it finished"
    assert secret.promote().result == "promoted"
    assert [(told.version, told.previous) for told in secret.told] == [(TOKEN, "v1")]
    assert secret.bearers == {LIVE: TOKEN, PREVIOUS: "v1"}, "the way back is still that to the old account"


def test_without_a_candidate_it_fails_and_says_what_its_owner_must_do(secret: FakeSecret) -> None:
    with pytest.raises(NoCandidate, match=r"the label CANDIDATE: .* put-secret-value --version-stages CANDIDATE$"):
        steps(secret)
    assert secret.bearers == {LIVE: "v1"}, "the way is free for the next rotation"
    assert TOKEN not in secret.values
    assert secret.told == []
    with pytest.raises(NotPending):
        steps(secret)


def test_the_value_that_is_live_is_not_rotated_to_again(secret: FakeSecret) -> None:
    secret.values[secret.stage()] = secret.values["v1"]
    with pytest.raises(NoCandidate, match="live already"):
        steps(secret)
    assert TOKEN not in secret.values


def test_a_bad_candidate_is_rejected_and_stays(secret: FakeSecret) -> None:
    secret.stage(good=False)
    with pytest.raises(CandidateRejected, match="the store refuses the credentials"):
        steps(secret)
    assert secret.bearers == {LIVE: "v1", CANDIDATE: "v2"}, "the way is free for the next rotation"


def test_what_could_not_be_tested_is_given_up_and_stays_a_candidate(secret: FakeSecret) -> None:
    secret.stage()
    steps(secret, "createSecret", "setSecret")
    with pytest.raises(NotTested, match="unavailable"):
        rotate(secret, "testSecret", TOKEN, lambda _: Verdict("the store is unavailable", final=False), secret.tell)
    assert secret.bearers == {LIVE: "v1", CANDIDATE: "v2"}, "a later try takes the candidate of then"


def test_the_test_alone_bears_a_version_without_a_value_and_one_with_the_live_value(secret: FakeSecret) -> None:
    """RotateImmediately=false runs testSecret alone, on a version that is taken away again."""
    steps(secret, "testSecret")
    secret.values[TOKEN] = secret.values["v1"]
    steps(secret, "testSecret")
    assert secret.bearers[LIVE] == "v1"


def test_a_version_that_no_rotation_staged_is_refused(secret: FakeSecret) -> None:
    secret.stage()
    del secret.bearers[PENDING]
    for step in STEPS:
        with pytest.raises(NotPending):
            steps(secret, step)
    with pytest.raises(ValueError, match="dropSecret"):
        steps(secret, "dropSecret")
    assert secret.bearers == {LIVE: "v1", CANDIDATE: "v2"}


def test_a_candidate_staged_during_the_rotation_stays_for_itself(secret: FakeSecret) -> None:
    secret.stage()
    steps(secret, "createSecret", "setSecret", "testSecret")
    secret.stage()
    steps(secret, "createSecret")
    assert secret.values[TOKEN] == "value of v2", "what was taken stays"
    with pytest.raises(NoCandidate, match="replaced or put back meanwhile"):
        steps(secret, "finishSecret")
    assert secret.bearers == {LIVE: "v1", CANDIDATE: "v3"}


def test_a_candidate_promoted_during_the_rotation_is_live_once_and_the_way_back_stays(secret: FakeSecret) -> None:
    secret.stage()
    steps(secret, "createSecret", "setSecret", "testSecret")
    secret.promote()
    with pytest.raises(NoCandidate, match="promoted"):
        steps(secret, "finishSecret")
    assert secret.bearers == {LIVE: "v2", PREVIOUS: "v1"}
    assert len(secret.told) == 1


def test_a_candidate_whose_promotion_is_not_settled_is_live_once_and_the_way_back_stays(secret: FakeSecret) -> None:
    secret.stage()
    steps(secret, "createSecret", "setSecret", "testSecret")
    secret.unsettled = 1
    secret.promote()
    with pytest.raises(NoCandidate, match="promoted"):
        steps(secret, "finishSecret")
    assert secret.bearers == {LIVE: "v2", PREVIOUS: "v1", CANDIDATE: "v2", UNSETTLED: "v2"}
    secret.promote()
    assert secret.bearers == {LIVE: "v2", PREVIOUS: "v1"}
    assert [(told.version, told.previous) for told in secret.told] == [("v2", "v1")]


def test_who_goes_back_while_a_rotation_is_finished_is_told_nothing(secret: FakeSecret) -> None:
    secret.stage()
    secret.while_settling = secret.roll_back
    with pytest.raises(NotTested, match="was replaced as AWSCURRENT while it was finished"):
        steps(secret)
    assert secret.told == []
    assert PENDING not in secret.bearers, "the way is free for the next rotation"
    assert secret.promote().detail == "the candidate was live and was put back"
    assert secret.bearers == {LIVE: "v1", PREVIOUS: TOKEN}


def test_killed_while_it_is_settled_and_put_back_a_rotation_is_not_taken_up_again(secret: FakeSecret) -> None:
    def killed() -> None:
        raise Killed

    secret.stage()
    secret.while_settling = killed
    with pytest.raises(Killed):
        steps(secret)
    secret.roll_back()
    with pytest.raises(NoCandidate, match="put back meanwhile"):
        steps(secret, "finishSecret")
    assert secret.bearers == {LIVE: "v1", PREVIOUS: TOKEN, CANDIDATE: "v2", UNSETTLED: "v2"}
    secret.bearers[PENDING] = "next"
    with pytest.raises(NoCandidate, match="was put back: stage it again"):
        rotate(secret, "createSecret", "next", secret.test, secret.tell)
    assert PENDING not in secret.bearers


def test_a_token_that_died_after_the_test_is_not_made_live(secret: FakeSecret) -> None:
    secret.stage()
    steps(secret, "createSecret", "setSecret", "testSecret")
    secret.good.clear()
    with pytest.raises(CandidateRejected):
        steps(secret, "finishSecret")
    assert secret.bearers == {LIVE: "v1", CANDIDATE: "v2"}


def test_a_value_that_cannot_be_read_yet_is_not_made_live(secret: FakeSecret, monkeypatch: pytest.MonkeyPatch) -> None:
    secret.stage()
    steps(secret, "createSecret", "setSecret")
    with monkeypatch.context() as lagging:
        lagging.setattr(secret, "staged", lambda version, label: None)
        steps(secret, "testSecret")
        with pytest.raises(NotTested, match="cannot be read yet"):
            steps(secret, "finishSecret")
    steps(secret, "finishSecret")
    assert secret.bearers == {LIVE: TOKEN, PREVIOUS: "v1"}


def test_a_rejected_mark_of_the_same_value_goes_with_it(secret: FakeSecret) -> None:
    secret.stage()
    secret.bearers[REJECTED] = "v2"
    steps(secret)
    assert secret.bearers == {LIVE: TOKEN, PREVIOUS: "v1"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_call_the_rotation_ends_right_when_it_is_tried_again(when: str) -> None:
    killed = 0
    for call in range(1, 40):
        secret = begun(candidate=True)
        secret.kill_at = (call, when)
        try:
            steps(secret)
        except Killed:
            killed += 1
            secret.kill_at = (0, "")
            steps(secret)
        assert secret.bearers == {LIVE: TOKEN, PREVIOUS: "v1"}, f"killed {when} call {call}"
        assert [told.previous for told in secret.told] in (["v1"], ["v1", "v1"])
        assert TOKEN in secret.proven
    assert killed >= 4


def test_a_race_for_the_live_label_fails_the_step_and_the_next_try_wins(secret: FakeSecret) -> None:
    secret.stage()
    steps(secret, "createSecret", "setSecret", "testSecret")
    labels = secret.labels
    raced: list[str] = []

    def overtaken() -> dict[str, str]:
        found = labels()
        if not raced:
            raced.append(secret.stage(label=LIVE))
        return found

    secret.labels = overtaken  # type: ignore[method-assign]
    with pytest.raises(LabelMovedError):
        steps(secret, "finishSecret")
    steps(secret, "finishSecret")
    assert secret.bearers == {LIVE: TOKEN, PREVIOUS: "v3"}
