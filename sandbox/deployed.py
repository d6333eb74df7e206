"""What is deployed in this process, for those parts of moto that know nothing but a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .aws import Aws
    from .pool import Pool
    from .stack import Stack

# moto has one state a process, which every server of the process shows; so this is one too.
STACKS: list[Stack] = []


def aws() -> Aws:
    """Return an AWS that runs; which does not matter, as all show the same."""
    if not STACKS:
        raise RuntimeError("the stack has been closed")
    return STACKS[-1].aws


def function(name: str) -> Pool | None:
    """Return the function of a name or ARN, with or without a qualifier."""
    found = name.partition(":function:")[2] or name
    return next((pool for stack in STACKS if (pool := stack.named(found.partition(":")[0]))), None)


def queue_scale(url: str) -> float:
    """Return what the times of a queue's messages are multiplied with."""
    return next((stack.time_scale for stack in STACKS if url in stack.queues), 1.0)


def time_scale(machine: str) -> float:
    """Return what the waits of a state machine (its ARN) are multiplied with."""
    return next((stack.time_scale for stack in STACKS if machine in stack.machines), 1.0)
