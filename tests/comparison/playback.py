"""Plays a history into a store: its clock, and what changes in it before and between the requests of a sync."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from sandbox.store import Arriving, SandboxStore
from tests.histories.corpus import History, Run, Step, apply, configure

START = datetime(2026, 11, 24, 8, tzinfo=UTC).timestamp()


class Playback:
    """A store at the beginning of a history. Its clock stands still unless something here moves it.

    ``counted`` says which of the arriving requests are numbered, as the steps name them. Time passes with every one.
    """

    def __init__(self, store: SandboxStore, history: History, counted: Callable[[Arriving], bool]) -> None:
        configure(store, history.behaviour)
        self.now = START
        self._store, self._counted = store, counted
        self._run = Run(0, 0.0)
        self._steps: deque[Step] = deque()
        self._number = 0
        store.clock = lambda: self.now
        store.before_request = self._arrives

    def begin(self, run: Run) -> None:
        """Let the pause before a run pass and what changes in it; from now on the run's requests are counted."""
        self.now += run.pause
        self._run, self._steps, self._number = run, deque(run.steps), 0
        self._play()

    def end(self) -> None:
        """Let happen what the run was too short to meet, so that a history ends alike for everybody."""
        self._number = max((step.request for step in self._steps), default=0)
        self._play()

    def _arrives(self, arriving: Arriving) -> None:
        self.now += self._run.pace
        if self._counted(arriving):
            self._number += 1
            self._play()

    def _play(self) -> None:
        while self._steps and self._steps[0].request <= self._number:
            step = self._steps.popleft()
            self.now += step.wait
            if step.change:
                apply(self._store, step.change)
