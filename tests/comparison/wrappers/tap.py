"""Runs ``tap-bigcommerce`` as its own command does, with its arguments: ``--config``, ``--catalog``, ``--state``."""

from __future__ import annotations

import importlib

from tests.comparison.wrappers.address import run_at_sandbox

run_at_sandbox(importlib.import_module("tap_bigcommerce").main)
