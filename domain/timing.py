"""Whether the answer of a condition may change because time passes, though nobody changes anything."""

from __future__ import annotations

from typing import assert_never

from domain.conditions import (
    All,
    Any,
    Condition,
    EventCondition,
    EventPropertyCondition,
    ListCondition,
    Not,
    NowValue,
    OutputCondition,
    ParameterCondition,
    PropertyCondition,
    RelatedCondition,
    SubscriptionCondition,
    WorkflowCondition,
)
from domain.value_rules import RELATIVE


def reads_time(condition: Condition) -> bool:
    """Whether a condition compares with now anywhere in it."""
    match condition:
        case All():
            return any(reads_time(part) for part in condition.all)
        case Any():
            return any(reads_time(part) for part in condition.any)
        case Not():
            return reads_time(condition.not_)
        case RelatedCondition():
            return reads_time(condition.where)
        case EventCondition():
            return condition.within is not None or (condition.where is not None and reads_time(condition.where))
        case PropertyCondition() | EventPropertyCondition() | OutputCondition() | ParameterCondition():
            return condition.op in RELATIVE or isinstance(condition.value, NowValue)
        case ListCondition() | WorkflowCondition() | SubscriptionCondition():
            return False
        case _ as never:
            assert_never(never)
