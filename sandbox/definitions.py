"""Checks a state machine's definition as Step Functions does when it is created; nothing else here does.

moto takes a state that leads nowhere, a field of another kind of state and parameters that a service does not know, and
cfn-lint looks into no SAM definition. This knows JSONPath definitions, and of the states, operators and integrations
those that are in use (a Map is a distributed one); whatever it does not know is a problem.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from math import inf
from typing import Any

_COMMON = {"Type", "Comment", "InputPath", "OutputPath"}
_FLOW = {"Next", "End"}
_WAITS = {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"}
_RESULT = {"ResultSelector", "ResultPath", "Retry", "Catch"}
_TOLERANCE = {f"ToleratedFailure{each}" for each in ("Count", "CountPath", "Percentage", "PercentagePath")}
_LIMITS = {"MaxConcurrency", "MaxConcurrencyPath"}
_MAP = {"ItemsPath", "ItemSelector", "ItemProcessor", "ResultWriter", "Label"}
FIELDS: Mapping[str, set[str]] = {
    "Choice": _COMMON | {"Choices", "Default"},
    "Fail": {"Type", "Comment", "Error", "ErrorPath", "Cause", "CausePath"},
    "Map": _COMMON | _FLOW | _RESULT | _MAP | _LIMITS | _TOLERANCE,
    "Pass": _COMMON | _FLOW | {"Result", "ResultPath", "Parameters"},
    "Succeed": _COMMON,
    "Task": _COMMON | _FLOW | _RESULT | {"Resource", "Parameters", "TimeoutSeconds"},
    "Wait": _COMMON | _FLOW | _WAITS,
}
REQUIRED: Mapping[str, set[str]] = {"Choice": {"Choices"}, "Map": {"ItemProcessor"}, "Task": {"Resource"}}
# Literal numbers, each with the least and the most that it may be; those whose least is a fraction may be one.
NUMBERS: Mapping[str, tuple[float, float]] = {
    "BackoffRate": (1.0, inf),
    "IntervalSeconds": (1, 99_999_999),
    "MaxAttempts": (0, 99_999_999),
    "MaxConcurrency": (0, inf),
    "MaxDelaySeconds": (1, 31_622_399),
    "Seconds": (0, 99_999_999),
    "TimeoutSeconds": (1, 99_999_999),
    "ToleratedFailureCount": (0, inf),
    "ToleratedFailurePercentage": (0.0, 100),
}
_NUMBERS = {f"Numeric{each}" for each in ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")}
OPERATORS: Mapping[str, type | tuple[type, ...]] = {
    "BooleanEquals": bool,
    **dict.fromkeys(("IsBoolean", "IsNull", "IsNumeric", "IsPresent", "IsString", "IsTimestamp"), bool),
    **dict.fromkeys(("StringEquals", "StringMatches"), str),
    **dict.fromkeys(_NUMBERS, (int, float)),
}
# What each integration must be given - one of these - and what else it takes.
INTEGRATIONS: Mapping[str, tuple[set[str], set[str]]] = {
    "lambda:invoke": ({"FunctionName"}, {"Payload", "Qualifier", "ClientContext"}),
    "sns:publish": ({"TopicArn", "TargetArn"}, {"Message", "Subject", "MessageAttributes", "MessageStructure"}),
}
RETRIER = {
    "ErrorEquals",
    "IntervalSeconds",
    "MaxAttempts",
    "BackoffRate",
    "MaxDelaySeconds",
    "JitterStrategy",
    "Comment",
}
WRITERS: Mapping[str, tuple[set[str], set[str]]] = {"s3:putObject": ({"Bucket"}, {"Prefix"})}
PROCESSOR = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
CATCHER = {"ErrorEquals", "Next", "ResultPath", "Comment"}
_PATH = re.compile(r"\$\$?((\.[A-Za-z_]\w*)|\[\d+\]|\[\*\]|\['[^']+'\])*")
_REFERENCE = re.compile(r"\$((\.[A-Za-z_]\w*)|\[\d+\]|\['[^']+'\])*")
_LABEL = re.compile(r"[\w-]{1,40}", re.ASCII)
_INTRINSIC = re.compile(r"States\.\w+\(.*\)", re.DOTALL)


def problems(definition: Mapping[str, Any]) -> list[str]:
    """Return what Step Functions would not take of a definition; each names its state."""
    names = Counter(_names(definition))
    found = [f"there are two states {name}" for name, number in names.items() if number > 1]
    return found + _machine(definition, {"Comment", "StartAt", "States", "TimeoutSeconds", "Version"})


def _names(definition: Mapping[str, Any]) -> Iterator[str]:
    for name, state in definition.get("States", {}).items():
        yield name
        yield from _names(state.get("ItemProcessor", {}))


def _machine(definition: Mapping[str, Any], fields: set[str]) -> list[str]:
    states = definition.get("States", {})
    found = [f"there is no field {field}" for field in sorted(definition.keys() - fields)]
    found += _numbers(definition)
    found += [f"{name}: {problem}" for name, state in states.items() for problem in _state(state)]
    if definition.get("StartAt") not in states:
        return [*found, f"StartAt names no state: {definition.get('StartAt')}"]
    targets = {name: set(_targets(state)) for name, state in states.items()}
    lost = [(name, each) for name, each in targets.items() if each - states.keys()]
    found += [f"{name}: leads to no state: {', '.join(sorted(each - states.keys()))}" for name, each in lost]
    reached, ahead = set(), {definition["StartAt"]}
    while ahead:
        reached |= ahead
        ahead = set().union(*(targets[name] for name in ahead if name in targets)) - reached
    return found + [f"{name}: nothing leads to it" for name in states if name not in reached]


def _targets(state: Mapping[str, Any]) -> Iterator[str]:
    for holder in (state, *state.get("Choices", ()), *state.get("Catch", ())):
        yield from (holder[field] for field in ("Next", "Default") if field in holder)


def _state(state: Mapping[str, Any]) -> Iterator[str]:
    kind = state.get("Type", "")
    if kind not in FIELDS:
        yield f"the type {kind!r} is not known here"
        return
    yield from (f"a {kind} has no field {field}" for field in sorted(state.keys() - FIELDS[kind]))
    yield from (f"a {kind} needs {field}" for field in sorted(REQUIRED.get(kind, set()) - state.keys()))
    if "End" in FIELDS[kind] and ("Next" in state) == (state.get("End") is True):
        yield "it needs either Next or End: true"
    if kind == "Wait" and len(_WAITS & state.keys()) != 1:
        yield f"it needs one of {', '.join(sorted(_WAITS))}"
    yield from _numbers(state)
    yield from _paths(state)
    yield from chain.from_iterable(_rule(rule, nested=False) for rule in state.get("Choices", ()))
    for field, known in (("Retry", RETRIER), ("Catch", CATCHER)):
        yield from _handlers(field, known, state.get(field, ()))
    if kind == "Task":
        yield from _integration(state, INTEGRATIONS)
    if kind == "Map":
        yield from _map(state)


def _map(state: Mapping[str, Any]) -> Iterator[str]:
    for either in (_LIMITS, _TOLERANCE):
        if len(either & state.keys()) > 1:
            yield f"it takes one of {', '.join(sorted(either & state.keys()))}"
    if not _is(_LABEL, state.get("Label", "none")):
        yield f"Label is not of 1 to 40 letters, digits, - and _: {state['Label']!r}"
    processor = state.get("ItemProcessor", {})
    if processor.get("ProcessorConfig") != PROCESSOR:
        yield f"ItemProcessor needs a ProcessorConfig, of which this alone is known here: {PROCESSOR}"
    yield from _machine(processor, {"Comment", "ProcessorConfig", "StartAt", "States"})
    if "ResultWriter" in state:
        writer = state["ResultWriter"]
        yield from (f"ResultWriter has no field {each}" for each in sorted(writer.keys() - {"Resource", "Parameters"}))
        yield from _payload("Parameters", writer.get("Parameters"))
        yield from _integration(writer, WRITERS)


def _numbers(holder: Mapping[str, Any]) -> Iterator[str]:
    for field, (least, most) in NUMBERS.items():
        value = holder.get(field, least)
        number = isinstance(value, int | type(least)) and not isinstance(value, bool)
        if not number or not least <= value <= most:
            yield f"{field} is no number from {least} to {most}: {value!r}"


def _paths(state: Mapping[str, Any]) -> Iterator[str]:
    for field, value in state.items():
        if not field.endswith("Path") or value is None:
            continue
        computed = field in ("CausePath", "ErrorPath") and _is(_INTRINSIC, value)
        if not computed and not _is(_REFERENCE if field == "ResultPath" else _PATH, value):
            yield f"{field} is no path: {value!r}"
    for field in ("ItemSelector", "Parameters", "ResultSelector"):
        yield from _payload(field, state.get(field))


def _payload(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield from chain.from_iterable(_payload(name, item) for item in value)
    elif isinstance(value, dict):
        yield from chain.from_iterable(_payload(key, item) for key, item in value.items())
    elif name.endswith(".$") and not _is(_PATH, value) and not _is(_INTRINSIC, value):
        yield f"{name} is neither a path nor an intrinsic function: {value!r}"
    elif isinstance(value, str) and value.startswith(("$.", "$$.", "States.")) and not name.endswith(".$"):
        yield f"{name} would be taken literally: {value!r}"


def _rule(rule: Mapping[str, Any], nested: bool) -> Iterator[str]:
    if ("Next" in rule) == nested:
        yield "only the outermost rules of a Choice have a Next" if nested else "each rule of a Choice needs a Next"
    kinds = rule.keys() - {"Next", "Comment"}
    if kinds == {"Not"}:
        yield from _rule(rule["Not"], nested=True)
    elif len(kinds) == 1 and kinds <= {"And", "Or"}:
        yield from chain.from_iterable(_rule(each, nested=True) for each in rule[next(iter(kinds))])
    elif "Variable" not in kinds or len(kinds) != 2:
        yield f"a rule has one Variable and one operator, or And, Or, Not alone: {sorted(kinds)}"
    else:
        yield from _comparison(rule, next(iter(kinds - {"Variable"})))


def _comparison(rule: Mapping[str, Any], operator: str) -> Iterator[str]:
    if not _is(_PATH, rule["Variable"]):
        yield f"Variable is no path: {rule['Variable']!r}"
    wanted = OPERATORS.get(operator)
    value = rule[operator]
    if wanted is None:
        yield f"the operator {operator} is not known here"
    elif not isinstance(value, wanted) or (wanted is not bool and isinstance(value, bool)):
        yield f"{operator} cannot be compared with {value!r}"


def _handlers(field: str, known: set[str], handlers: Any) -> Iterator[str]:
    for position, handler in enumerate(handlers, 1):
        errors = handler.get("ErrorEquals", [])
        yield from (f"{field} has no field {key}" for key in sorted(handler.keys() - known))
        yield from _numbers(handler)
        if not errors or not all(isinstance(error, str) for error in errors):
            yield f"{field} needs the names of errors"
        if "States.ALL" in errors and (len(errors) > 1 or position < len(handlers)):
            yield f"{field} needs States.ALL alone, and last"
        if field == "Catch" and handler.get("ResultPath") is not None and not _is(_REFERENCE, handler["ResultPath"]):
            yield f"ResultPath is no path: {handler['ResultPath']!r}"


def _integration(state: Mapping[str, Any], known: Mapping[str, tuple[set[str], set[str]]]) -> Iterator[str]:
    name = re.sub(r"^arn:aws[\w-]*:states:::", "", str(state.get("Resource")))
    if name not in known:
        yield f"the resource {name} is not known here"
        return
    required, others = known[name]
    given = {key.removesuffix(".$") for key in state.get("Parameters", {})}
    yield from (f"{name} takes no {key}" for key in sorted(given - required - others))
    if not given & required:
        yield f"{name} needs {' or '.join(sorted(required))}"


def _is(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
