"""The credentials cache: ages, refusals and threads, without AWS."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

from storekey._cache import CredentialsCache, Held, Version
from storekey._credentials import Problem

NOW = datetime(2026, 11, 24, tzinfo=UTC)


class Secret:
    """A secret whose version a test changes, and which counts its readings."""

    def __init__(self) -> None:
        self.version: str | None = "v1"
        self.readings = 0
        self.now = 1000.0

    def read(self) -> Version | None:
        self.readings += 1
        return Version(self.version, NOW, Problem("secret", "is of no matter here")) if self.version else None

    def cache(self, max_age: float = 300.0) -> CredentialsCache:
        return CredentialsCache(self.read, max_age, clock=lambda: self.now)


def held(cache: CredentialsCache) -> Held:
    found = cache.get()
    assert found
    return found


def test_is_read_on_first_use_and_kept_for_its_age() -> None:
    secret = Secret()
    cache = secret.cache()
    assert secret.readings == 0
    held(cache)
    secret.now += 299.9
    held(cache)
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
    assert cache.get() is None
    assert cache.get() is None
    assert secret.readings == 2
    secret.version = "v1"
    assert held(cache).version.id == "v1"


def test_a_refused_version_is_read_again_each_time_for_30_seconds() -> None:
    secret = Secret()
    cache = secret.cache()
    first = held(cache)
    cache.refuse(first)
    for _ in range(3):
        secret.now += 9
        assert cache.is_refused(held(cache))
    assert secret.readings == 4
    secret.now += 3
    assert not cache.is_refused(held(cache))
    assert secret.readings == 4, "the refusal is forgotten, what was read is still fresh"


def test_a_new_version_is_not_the_refused_one() -> None:
    secret = Secret()
    cache = secret.cache()
    cache.refuse(held(cache))
    secret.version = "v2"
    assert not cache.is_refused(held(cache))


def test_an_accepted_version_is_no_longer_refused() -> None:
    secret = Secret()
    cache = secret.cache()
    first = held(cache)
    cache.refuse(first)
    secret.version = "v2"
    cache.accept(held(cache))
    assert cache.is_refused(first), "another version's acceptance proves nothing for this one"
    cache.accept(first)
    assert not cache.is_refused(first)


def test_20_threads_share_one_reading() -> None:
    secret, barrier = Secret(), Barrier(20)
    cache = secret.cache()

    def use(_: int) -> int:
        barrier.wait()
        first = held(cache)
        barrier.wait()
        later = cache.get_after(first)
        return later.reading if later else 0

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(use, range(20))) == {2}
    assert secret.readings == 2
