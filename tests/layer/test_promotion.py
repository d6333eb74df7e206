"""Promotion over labels, versions, races, kills and repeats, against Secrets Manager's own rules in memory."""

from __future__ import annotations

import pytest

from storekey import Forbidden, RateLimited, Settings, StoreError, Unauthorized, Unavailable, Unreachable
from storekey._cache import Version
from storekey._credentials import Credentials, Problem
from storekey._hidden import Hidden
from storekey._hosts import AllowedHosts
from storekey._promotion import Promotion, Verdict, _verdict, announcement, candidate_test, nothing, promote
from storekey._secret import CANDIDATE, LIVE, PREVIOUS, REJECTED, UNSETTLED, LabelMovedError
from tests.labels import NOW, FakeSecret, Killed

REFUSES = "the store refuses the credentials"
NO_CHANGE = "nothing has changed, the live credentials go on"
CALLS_FAIL = "it is live already, as a first version is: calls fail"


@pytest.fixture
def secret() -> FakeSecret:
    """A secret whose live version v1 was set by hand."""
    filled = FakeSecret()
    filled.stage(label=LIVE)
    return filled


def test_without_a_candidate_there_is_nothing_to_do(secret: FakeSecret) -> None:
    assert secret.promote() == Promotion("nothing to do", "no version of the secret bears the label CANDIDATE")
    assert secret.told == []
    assert secret.bearers == {LIVE: "v1"}


def test_a_good_candidate_becomes_live_and_the_label_goes(secret: FakeSecret) -> None:
    secret.stage()
    promotion = secret.promote()
    assert promotion.as_answer() == {
        "result": "promoted",
        "detail": "the Basic credentials of orders-export at store-abc.mybigcommerce.com are live;"
        " the old account may be deleted now, unless it is the same one with a new token",
        "version": "v2",
        "previous": "v1",
    }
    assert secret.bearers == {LIVE: "v2", PREVIOUS: "v1"}
    assert secret.told == [promotion]
    assert secret.promote().result == "nothing to do"


def test_a_bad_candidate_changes_nothing_and_is_told_once(secret: FakeSecret) -> None:
    secret.stage(good=False)
    for _ in range(3):
        assert secret.promote() == Promotion("rejected", f"{REFUSES}; {NO_CHANGE}", "v2", "v1")
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
    said = "not tested yet, it will be again: the store is unavailable"
    assert passing == Promotion("nothing to do", said, "v2", "v1")
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


def test_the_mark_of_what_is_not_settled_goes_with_the_candidate(secret: FakeSecret) -> None:
    secret.unsettled = 2
    for version in ("v2", "v3"):
        assert secret.stage() == version
        secret.promote()
        assert secret.bearers[UNSETTLED] == version


def test_what_was_put_back_before_it_was_settled_is_not_promoted_again(secret: FakeSecret) -> None:
    secret.stage()
    secret.unsettled = 1
    secret.promote()
    secret.by_hand.add("v1")
    secret._bear(LIVE, "v1")
    assert secret.promote() == Promotion("nothing to do", "the candidate was live and was put back", "v2", "v1")
    assert secret.bearers == {LIVE: "v1", PREVIOUS: "v2"}
    assert secret.told == []
    secret.bearers[CANDIDATE] = "v2"
    assert secret.promote().result == "promoted", "staged again, it is wanted again"


def test_who_goes_back_while_it_is_settled_is_told_nothing(secret: FakeSecret) -> None:
    secret.stage()
    secret.while_settling = secret.roll_back
    assert secret.promote() == Promotion("nothing to do", "the candidate was live and was put back", "v2", "v1")
    assert secret.bearers == {LIVE: "v1", PREVIOUS: "v2"}
    assert secret.told == []


def test_killed_while_it_is_settled_and_put_back_it_is_not_promoted_again(secret: FakeSecret) -> None:
    def killed() -> None:
        raise Killed

    secret.stage()
    secret.while_settling = killed
    with pytest.raises(Killed):
        secret.promote()
    secret.roll_back()
    assert secret.promote().detail == "the candidate was live and was put back"
    assert secret.bearers == {LIVE: "v1", PREVIOUS: "v2"}


def test_a_candidate_that_is_staged_again_after_another_one_was_rejected_is_wanted_again(secret: FakeSecret) -> None:
    secret.stage()
    secret.unsettled = 1
    secret.promote()
    secret.stage(good=False)
    assert secret.promote().result == "rejected"
    secret.roll_back()
    secret.bearers[CANDIDATE] = "v2"
    assert secret.promote().version == "v2"
    assert secret.bearers == {LIVE: "v2", PREVIOUS: "v1"}


def test_what_was_settled_is_said(secret: FakeSecret) -> None:
    secret.stage()
    promotion = promote(secret, secret.test, lambda _: None, lambda _: "the old account may be deleted in ten minutes")
    assert "are live; the old account may be deleted in ten minutes, unless it is the same one" in promotion.detail


def test_a_first_version_that_is_refused_is_told_as_what_it_is() -> None:
    secret = FakeSecret()
    secret.stage(good=False)
    assert secret.promote() == Promotion("rejected", f"{REFUSES}; {CALLS_FAIL}", "v1", None)


def test_a_live_version_that_is_staged_and_refused_names_the_way_back(secret: FakeSecret) -> None:
    secret.bearers[CANDIDATE] = secret.stage(label=LIVE)
    secret.good.clear()
    assert secret.promote() == Promotion("rejected", f"{REFUSES}; {CALLS_FAIL}", "v2", "v1")


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


def test_a_candidate_replaced_before_it_was_read_is_not_the_last_word(
    secret: FakeSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret.stage()
    labels = [{LIVE: "v1", CANDIDATE: "v0"}]
    read = secret.labels
    monkeypatch.setattr(secret, "labels", lambda: labels.pop() if labels else read())
    assert secret.promote().version == "v2"


def test_a_candidate_replaced_each_time_is_given_up(secret: FakeSecret) -> None:
    def replaced(version: Version) -> Verdict | None:
        tested.append(version.id)
        secret.stage()
        return None

    tested = [secret.stage()]
    with pytest.raises(LabelMovedError, match=CANDIDATE):
        promote(secret, replaced, secret.tell)
    assert tested[1:] == ["v2", "v3", "v4", "v5", "v6"]
    assert secret.bearers == {LIVE: "v1", CANDIDATE: "v7"}


def test_a_secret_that_breaks_a_rule_is_refused_for_good_and_without_the_store() -> None:
    test = candidate_test(Settings("secret", AllowedHosts.parse("localhost")))
    problem = Problem("api_path", "is missing")
    assert test(Version("v2", NOW, problem)) == Verdict("api_path: is missing", final=True)


@pytest.mark.parametrize(
    ("error", "final"),
    [(RateLimited, False), (Unavailable, False), (Unreachable, False), (Unauthorized, True), (Forbidden, True)],
)
def test_what_says_nothing_about_the_credentials_is_tested_again(error: type[StoreError], final: bool) -> None:
    assert _verdict(error("it failed")) == Verdict("it failed", final)


def test_a_token_account_has_no_name_to_tell() -> None:
    holds = Credentials("token", "https://api.bigcommerce.com/stores/abc", Hidden("token"))
    said = announcement(Version("v2", NOW, holds), nothing)
    assert said.startswith("the token credentials at api.bigcommerce.com are live; the old account may be deleted now")


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
