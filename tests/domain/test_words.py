from __future__ import annotations

import pytest

from domain.base import Json
from domain.words import words
from tests.fixtures.kinds import SCHEMA, condition

KNOWN = {"property": "string", "op": "known"}
OF: dict[str, Json] = {"object": "opportunity"}

SAID: list[tuple[Json, str]] = [
    (KNOWN, "String is known"),
    ({"property": "unheard_of", "op": "unknown"}, "unheard_of is unknown"),
    ({"property": "enum", "op": "is", "value": "red"}, "Enum is Red"),
    ({"property": "enum", "op": "is_not", "value": "red", "include_blank": True}, "Enum is not Red or is unknown"),
    ({"property": "string", "op": "not_in", "value": ["a", "b"]}, "String is none of a, b"),
    ({"property": "number", "op": "in", "value": [1] * 23}, f"Number is one of {'1, ' * 20}3 more"),
    ({"property": "number", "op": "between", "value": [1, 2.5]}, "Number is between 1 and 2.5"),
    ({"property": "bool", "op": "is", "value": True}, "Bool is true"),
    ({"property": "date", "op": "within_last", "value": {"days": 1, "hours": 2}},
     "Date is within the last 1 day 2 hours"),
    ({"property": "date", "op": "more_than_ago", "value": {"weeks": 2}}, "Date is more than 2 weeks ago"),
    ({"property": "date", "op": "before", "value": {"now": {}}}, "Date is before now"),
    ({"property": "date", "op": "after", "value": {"now": {"days": -3}}}, "Date is after now shifted by -3 days"),
    ({"property": "string", "op": "is", "value": {"property": "string_two"}}, "String is String two"),
    ({"property": "string", "op": "is", "value": {"property": "string", "of": OF}},
     "String is String of an opportunity"),
    ({"property": "string", "op": "is", "value": {"parameter": "offer"}}, "String is parameter offer"),
    ({"property": "string", "op": "is", "value": {"entry_event": "form"}},
     "String is form of the event that caused entry"),
    ({"property": "string", "op": "is", "value": {"output": "a", "step": "b"}}, "String is a of step b"),
    ({**KNOWN, "of": OF}, "String of an opportunity is known"),
    ({**KNOWN, "of": {"object": "contact"}}, "String of a contact is known"),
    ({**KNOWN, "of": {**OF, "match": "all"}}, "String of every opportunity is known"),
    ({**KNOWN, "of": {**OF, "match": "none"}}, "String of no opportunity is known"),
    ({**KNOWN, "of": {**OF, "match": "latest", "label": "primary"}},
     "String of the latest opportunity labelled primary is known"),
    ({"related": OF, "where": KNOWN}, "an opportunity has: String is known"),
    ({"related": {**OF, "label": "x"}, "where": KNOWN, "count": {"at_least": 2}},
     "at least 2 associated opportunity records labelled x have: String is known"),
    ({"related": OF, "where": KNOWN, "count": {"at_most": 2}},
     "at most 2 associated opportunity records have: String is known"),
    ({"related": OF, "where": KNOWN, "count": {}},
     "any number of associated opportunity records have: String is known"),
    ({"all": [KNOWN, {"any": [KNOWN, KNOWN]}]}, "String is known and (String is known or String is known)"),
    ({"all": [KNOWN]}, "String is known"),
    ({"all": []}, "always"),
    ({"any": []}, "never"),
    ({"not": KNOWN}, "not (String is known)"),
    ({"event": "email.clicked", "count": {"at_least": 2, "at_most": 3}, "within": {"days": 30}, "step": "hello",
      "of": OF, "where": {"event_property": "url", "op": "contains", "value": "x"}},
     "email.clicked happened 2 to 3 times to an opportunity for step hello within 30 days "
     "where url of the event contains x"),
    ({"event": "form.submitted", "count": {"at_least": 2, "at_most": 2}}, "form.submitted happened 2 times"),
    ({"output": "status", "step": "call", "op": "is", "value": 200}, "status of step call is 200"),
    ({"parameter": "offer", "op": "is", "value": None}, "parameter offer is nothing"),
    ({"list": "vip", "op": "member"}, "is a member of list vip"),
    ({"list": "vip", "op": "not_member"}, "is no member of list vip"),
    ({"workflow": "welcome", "status": "met_goal"}, "met the goal of workflow welcome"),
    ({"subscription": "news", "op": "is_not", "value": "not_specified"}, "is not unspecified for news"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "said"), SAID)
def test_a_condition_reads_as_a_sentence(raw: Json, said: str) -> None:
    assert words(condition(raw), SCHEMA, "contact") == said
