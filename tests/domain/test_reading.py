from __future__ import annotations

import pytest

from domain.base import Json
from domain.reading import keys_read, needs_of
from tests.fixtures.kinds import condition

KNOWN = {"property": "string", "op": "known"}
OF: Json = {"object": "opportunity"}

READ: list[tuple[Json, set[str], set[str]]] = [
    (KNOWN, set(), {"contact.string"}),
    ({**KNOWN, "of": OF}, {"opportunity"}, {"opportunity.string", "contact~opportunity"}),
    ({"property": "date", "op": "is", "value": {"property": "date_two"}}, set(), {"contact.date", "contact.date_two"}),
    ({"property": "date", "op": "is", "value": {"property": "date_two"}, "of": OF}, {"opportunity"},
     {"opportunity.date", "opportunity.date_two", "contact~opportunity"}),
    ({"property": "date", "op": "is", "value": {"property": "date", "of": {"object": "company"}}}, {"company"},
     {"contact.date", "company.date", "contact~company"}),
    ({"related": OF, "where": {"all": [KNOWN, {"not": {"property": "number", "op": "known"}}]}}, {"opportunity"},
     {"opportunity.string", "opportunity.number", "contact~opportunity"}),
    ({"related": OF, "where": {"any": []}, "count": {"at_least": 1}}, {"opportunity"}, {"contact~opportunity"}),
    ({"any": [KNOWN, {"not": {**KNOWN, "of": OF}}]}, {"opportunity"},
     {"contact.string", "opportunity.string", "contact~opportunity"}),
    ({"event": "form.submitted", "of": OF, "where": {"event_property": "form", "op": "is",
                                                    "value": {"property": "string"}}},
     {"opportunity"}, {"event:form.submitted", "contact.string", "contact~opportunity"}),
    ({"parameter": "offer", "op": "is", "value": {"property": "string"}}, set(), {"contact.string"}),
    ({"list": "vip", "op": "member"}, set(), {"list:vip"}),
    ({"subscription": "newsletter", "op": "is", "value": "subscribed"}, set(), {"subscription:newsletter"}),
    ({"workflow": "welcome", "status": "met_goal"}, set(), {"workflow:welcome"}),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "objects", "keys"), READ)
def test_a_condition_tells_what_it_reads(raw: Json, objects: set[str], keys: set[str]) -> None:
    assert needs_of(condition(raw), "contact").objects == objects
    assert keys_read(condition(raw), "contact") == keys
