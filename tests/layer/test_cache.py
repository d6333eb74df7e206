"""The credentials cache: ages, refusals and threads, without AWS."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest

from storekey._cache import CredentialsCache, Held, Version
from storekey._credentials import Credentials, Problem
from storekey._hidden import Hidden

NOW = datetime(2026, 11, 24, tzinfo=UTC)
GOOD = Credentials("Basic", "https://store-abc.mybigcommerce.com/api", Hidden("token"), "orders-export")


class Secret:
    """A secret whose version a test changes, with a clock of its own; it counts its readings."""

    def __init__(self) -> None:
        self.version: str | None = "v1"
        self.holds: Credentials | Problem = GOOD
        self.readings = 0
        self.now = 1000.0

    def read(self) -> Version | None:
        self.readings += 1
        return Version(self.version, NOW, self.holds) if self.version else None

    def cache(self, max_age: float = 300.0) -> CredentialsCache:
        return CredentialsCache(self.read, max_age, clock=lambda: self.now)


def held(cache: CredentialsCache, fresh: bool = False) -> Held:
    """What an invocation gets that begins now."""
    found = cache.get(cache.clock(), fresh)
    assert found
    return found


def test_is_read_on_first_use_and_kept_for_its_age() -> None:
    secret = Secret()
    cache = secret.cache()
    assert secret.readings == 0
    held(cache)
    secret.now += 299.9
    assert cache.get(secret.now)
    assert secret.readings == 1
    secret.now += 0.1
    held(cache)
    assert secret.readings == 2


def test_a_clock_that_jumped_back_is_no_proof_of_freshness() -> None:
    secret = Secret()
    cache = secret.cache()
    held(cache)
    secret.now -= 10
    held(cache)
    assert secret.readings == 2


def test_an_empty_secret_is_read_each_time() -> None:
    secret = Secret()
    secret.version = None
    cache = secret.cache()
    assert cache.get(secret.now) is None
    assert cache.get(secret.now) is None
    assert secret.readings == 2
    secret.version = "v1"
    assert held(cache).version.id == "v1"


def test_a_secret_that_cannot_be_used_is_read_by_each_invocation() -> None:
    secret = Secret()
    secret.holds = Problem("api_path", "is wrong")
    cache = secret.cache()
    began = secret.now
    for _ in range(3):
        assert cache.get(began)
    assert secret.readings == 1, "once an invocation"
    secret.now += 1
    secret.version, secret.holds = "v2", GOOD
    assert held(cache).version.id == "v2"


def test_a_fresh_reading_is_of_this_invocation() -> None:
    secret = Secret()
    cache = secret.cache()
    held(cache)
    secret.now += 1
    secret.version = "v2"
    assert held(cache).version.id == "v1"
    assert held(cache, fresh=True).version.id == "v2"


def test_a_refused_version_is_read_again_by_each_invocation_for_30_seconds() -> None:
    secret = Secret()
    cache = secret.cache()
    first = held(cache)
    cache.refuse(first)
    for _ in range(3):
        secret.now += 9
        assert cache.is_refused(held(cache))
        assert cache.is_refused(held(cache))
    assert secret.readings == 4
    secret.now += 3
    assert not cache.is_refused(held(cache))
    assert secret.readings == 4, "the refusal is forgotten, what was read is still fresh"


def test_a_new_version_is_not_the_refused_one() -> None:
    secret = Secret()
    cache = secret.cache()
    cache.refuse(held(cache))
    secret.now += 1
    secret.version = "v2"
    assert not cache.is_refused(held(cache))


def test_an_accepted_version_is_no_longer_refused() -> None:
    secret = Secret()
    cache = secret.cache()
    first = held(cache)
    cache.refuse(first)
    secret.now += 1
    secret.version = "v2"
    cache.accept(held(cache))
    assert cache.is_refused(first), "another version's acceptance proves nothing for this one"
    cache.accept(first)
    assert not cache.is_refused(first)


@pytest.mark.parametrize(
    ("version", "answered", "readings"),
    [("v2", 1000.5, 2), ("v1", 1000.5, 2), ("v1", 1001.0, 2), ("v1", 1001.5, 3), ("v2", 1001.5, 2)],
)
def test_a_slow_answer_shares_a_reading_that_helps_it(version: str, answered: float, readings: int) -> None:
    """Another thread has read at 1001: that helps a call refused before, or one that then finds another version."""
    secret = Secret()
    cache = secret.cache()
    first = held(cache)
    secret.now, secret.version = 1001.0, version
    cache.get_after(first, secret.now)
    secret.now = 1002.0
    cache.get_after(first, answered)
    assert secret.readings == readings


def test_20_threads_share_one_reading() -> None:
    secret, barrier = Secret(), Barrier(20)
    cache = secret.cache()

    def use(_: int) -> str:
        barrier.wait()
        first = held(cache)
        if barrier.wait() == 0:
            secret.version = "v2"
        barrier.wait()
        later = cache.get_after(first, cache.clock() + 1)
        return later.version.id if later else ""

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(use, range(20))) == {"v2"}
    assert secret.readings == 2
