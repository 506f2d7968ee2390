"""send_email: what leaves, for whom, and every reason why nothing does."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.actions.send_email import ACTION, SendEmailConfig
from domain.base import Json
from domain.builtin import BUILTIN
from domain.catalogue import ConfigScope
from domain.emails import EmailContent
from domain.records import Cause
from domain.schema import Schema
from gateways.mail_outbox import read_outbox
from services.authoring.emails import change_email, create_email
from services.installation import Installation
from store import tables
from store.changes import Stamp
from tests.activities.calls import act
from tests.builders import make_record, stand_at_action

HELLO: dict[str, Json] = {
    "subject": "About {{ opportunity.product }}",
    "html": "<p>Hi {{ contact.first_name | default: 'there' }},</p><p>from {{ sender.name }}</p>",
    "transactional": True,
}
PLAIN: dict[str, Json] = {"subject": "Hello", "html": "<p>Hello</p>", "transactional": True}
ANA: dict[str, Json] = {"email": "ana@example.com", "first_name": "Ana & Co"}


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox" / "email"


@pytest.mark.parametrize(
    "config",
    [
        PLAIN,
        {
            "subject": "s", "html": "h", "text": "t", "transactional": True, "subscription": None, "from_name": "n",
            "from_address": "a@example.com", "reply_to": "b@example.com", "to": "record", "track_opens": False,
            "track_clicks": None,
        },
    ],
)  # fmt: skip
def test_every_published_shape_still_parses(config: dict[str, Json]) -> None:
    assert SendEmailConfig.model_validate(config)


@pytest.mark.parametrize(
    ("part", "findings"),
    [
        ({"subscription": "news"}, []),
        ({"transactional": True}, []),
        ({}, [("/subscription", "missing_field")]),
        ({"subscription": "news", "transactional": True}, [("/subscription", "wrong_value")]),
    ],
)
def test_exactly_marketing_belongs_to_a_subscription_type(
    part: dict[str, Json], findings: list[tuple[str, str]]
) -> None:
    config = SendEmailConfig.model_validate({"subject": "s", "html": "h", **part})
    scope = ConfigScope(schema_=Schema(objects=BUILTIN), object="contact")
    assert [(f.path, f.code) for f in ACTION.check(config, scope)] == findings


async def test_the_contact_gets_one_email_however_often_it_is_asked_for(
    installation: Installation, outbox: Path
) -> None:
    contact = await make_record(installation, "contact", ANA)
    deal = await make_record(installation, "opportunity", {"product": "GTX\nPro"}, contact)
    standing = await stand_at_action(installation, contact, "send_email", HELLO, bound=deal)

    answer = await act(standing, "send_email")
    assert await act(standing, "send_email") == answer

    (mail,) = read_outbox(outbox)
    (message,) = await standing.rows(tables.messages)
    (effect,) = await standing.rows(tables.effects)
    assert answer.outcome == "done"
    assert mail["to"] == "ana@example.com"
    assert mail["subject"] == "About GTX Pro"
    assert mail["html"].startswith("<p>Hi Ana &amp; Co,</p><p>from Followthrough</p><img ")
    assert mail["text"] == "Hi Ana & Co,\n\nfrom Followthrough"
    assert mail["message_id"] == f"{standing.enrollment.id}.act.1@example.com"
    assert (message["status"], message["recipient"], message["sent_at"]) == ("sent", "ana@example.com", standing.now)
    assert (effect["state"], effect["attempt"]) == ("accepted", 1)
    assert (await standing.visit())["result"] == {"message": message["id"]}


async def test_two_visits_are_two_emails(installation: Installation, outbox: Path) -> None:
    contact = await make_record(installation, "contact", ANA)
    standing = await stand_at_action(installation, contact, "send_email", PLAIN)

    await act(standing, "send_email", n=1)
    await act(standing, "send_email", n=2)

    assert len([*read_outbox(outbox)]) == 2


async def test_the_answer_holds_no_address(installation: Installation) -> None:
    contact = await make_record(installation, "contact", ANA)
    standing = await stand_at_action(installation, contact, "send_email", PLAIN)

    answer = await act(standing, "send_email")

    assert "ana" not in answer.model_dump_json()


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"first_name": "Ana"}, "no_address"),
        ({**ANA, "email_status": "bounced"}, "bounced"),
        ({**ANA, "email_status": "complained"}, "complained"),
    ],
)
async def test_a_contact_who_cannot_be_written_to_is_skipped(
    installation: Installation, outbox: Path, properties: dict[str, Json], reason: str
) -> None:
    contact = await make_record(installation, "contact", properties)
    standing = await stand_at_action(installation, contact, "send_email", PLAIN)

    answer = await act(standing, "send_email")

    assert (answer.outcome, answer.reason) == ("skipped", reason)
    assert await standing.rows(tables.effects) == []
    assert [*read_outbox(outbox)] == []


async def test_an_address_stored_before_it_was_checked_is_skipped(installation: Installation) -> None:
    contact = await make_record(installation, "contact", ANA)
    async with installation.db.transaction() as tx:
        broken = {**contact.properties, "email": "ana at example"}
        await tx.run(tables.records.update().where(tables.records.c.id == contact.id).values(properties=broken))
    standing = await stand_at_action(installation, contact, "send_email", PLAIN)

    answer = await act(standing, "send_email")

    assert (answer.outcome, answer.reason) == ("skipped", "invalid_address")


async def test_a_template_about_a_record_that_is_not_there_skips_the_step(installation: Installation) -> None:
    contact = await make_record(installation, "contact", ANA)
    standing = await stand_at_action(installation, contact, "send_email", HELLO)

    answer = await act(standing, "send_email")

    assert (answer.outcome, answer.reason) == ("skipped", "no_record")


async def test_an_opportunity_writes_to_its_latest_contact(installation: Installation, outbox: Path) -> None:
    deal = await make_record(installation, "opportunity", {"product": "GTX Pro"})
    await make_record(installation, "contact", {"email": "old@example.com"}, deal)
    await make_record(installation, "contact", ANA, deal)
    standing = await stand_at_action(installation, deal, "send_email", HELLO)

    assert (await act(standing, "send_email")).outcome == "done"

    (mail,) = read_outbox(outbox)
    assert mail["to"] == "ana@example.com"


async def test_an_opportunity_without_a_contact_is_skipped(installation: Installation) -> None:
    deal = await make_record(installation, "opportunity", {"product": "GTX Pro"})
    standing = await stand_at_action(installation, deal, "send_email", PLAIN)

    answer = await act(standing, "send_email")

    assert (answer.outcome, answer.reason) == ("skipped", "no_record")


async def test_a_template_that_cannot_be_rendered_fails_the_step(installation: Installation) -> None:
    contact = await make_record(installation, "contact", ANA)
    standing = await stand_at_action(installation, contact, "send_email", {**PLAIN, "html": "{{ contact.nonsense }}"})

    answer = await act(standing, "send_email")

    assert (answer.outcome, answer.reason) == ("failed", "bad_template")


@pytest.mark.parametrize("subject", ["{{ contact.city }}", " {{ contact.city }}\n"])
async def test_an_email_without_a_subject_is_never_sent(installation: Installation, outbox: Path, subject: str) -> None:
    contact = await make_record(installation, "contact", ANA)
    standing = await stand_at_action(installation, contact, "send_email", {**PLAIN, "subject": subject})

    answer = await act(standing, "send_email")

    visit = await standing.visit()
    assert (answer.outcome, answer.reason) == ("failed", "bad_template")
    assert visit["detail"] == "the subject rendered to nothing"
    assert [*read_outbox(outbox)] == []


async def write_email(inst: Installation, slug: str = "welcome", **content: str) -> None:
    said = {"subject": "Hi {{ contact.first_name }}", "html": "<p>One</p>", **content}
    async with inst.db.transaction() as tx:
        stamp = Stamp(now=inst.clock.now(), cause=Cause(kind="api"))
        await create_email(tx, inst, slug, EmailContent(**said), stamp, name=None)


async def change(inst: Installation, *, archived: bool | None = None, **content: str) -> None:
    async with inst.db.transaction() as tx:
        stamp = Stamp(now=inst.clock.now(), cause=Cause(kind="api"))
        await change_email(tx, inst, "welcome", stamp, content=content, archived=archived)


async def test_a_reusable_email_goes_out_as_it_is_now_and_the_message_keeps_its_version(
    installation: Installation, outbox: Path
) -> None:
    await write_email(installation, from_name="Kim", from_address="kim@example.com", reply_to="lee@example.com")
    contact = await make_record(installation, "contact", ANA)
    config: dict[str, Json] = {"email": "welcome", "transactional": True, "reply_to": "step@example.com"}
    standing = await stand_at_action(installation, contact, "send_email", config)

    await act(standing, "send_email", n=1)
    await change(installation, html="<p>Two</p>")
    await act(standing, "send_email", n=2)

    mails = sorted(read_outbox(outbox), key=lambda mail: str(mail["key"]))
    assert [(mail["subject"], mail["text"]) for mail in mails] == [("Hi Ana & Co", "One"), ("Hi Ana & Co", "Two")]
    assert {(mail["sender"], mail["sender_name"], mail["reply_to"]) for mail in mails} == {
        ("kim@example.com", "Kim", "step@example.com")
    }
    rows = sorted(await standing.rows(tables.messages), key=lambda row: row["id"])
    assert [(row["email"], row["email_version"]) for row in rows] == [("welcome", 1), ("welcome", 2)]


@pytest.mark.parametrize("slug", ["welcome", "nowhere"])
async def test_a_reusable_email_that_is_archived_or_gone_is_a_broken_reference(
    installation: Installation, outbox: Path, slug: str
) -> None:
    await write_email(installation)
    await change(installation, archived=True)
    contact = await make_record(installation, "contact", ANA)
    config: dict[str, Json] = {"email": slug, "transactional": True}
    standing = await stand_at_action(installation, contact, "send_email", config)
    answer = await act(standing, "send_email")
    assert (answer.outcome, answer.reason) == ("failed", "broken_reference")
    assert await standing.rows(tables.effects) == []
    assert [*read_outbox(outbox)] == []


async def test_what_a_reusable_email_reads_must_be_there(installation: Installation, outbox: Path) -> None:
    await write_email(installation, html="<p>{{ opportunity.product }}</p>")
    contact = await make_record(installation, "contact", ANA)
    deal = await make_record(installation, "opportunity", {"product": "GTX Pro"}, contact)
    config: dict[str, Json] = {"email": "welcome", "transactional": True}
    standing = await stand_at_action(installation, contact, "send_email", config, bound=deal)
    assert (await act(standing, "send_email")).outcome == "done"
    assert [mail["text"] for mail in read_outbox(outbox)] == ["GTX Pro"]


async def test_a_step_says_what_stands_beside_the_subject_and_its_styles_reach_the_elements(
    installation: Installation, outbox: Path
) -> None:
    contact = await make_record(installation, "contact", ANA)
    styled = "<style>td{color:red}</style><table>{% for i in (1..2) %}<tr><td>{{ i }}</td></tr>{% endfor %}</table>"
    config: dict[str, Json] = {**PLAIN, "html": styled, "preheader": "For\n{{ contact.first_name }}"}
    standing = await stand_at_action(installation, contact, "send_email", config)
    assert (await act(standing, "send_email")).outcome == "done"
    (mail,) = read_outbox(outbox)
    html = str(mail["html"])
    assert "For Ana &amp; Co" in html
    assert html.index("<body") < html.index("display:none") < html.index("<table")
    assert html.count('<td style="color: red;">') == 2
    assert mail["text"] == "1\n2"


MJML = """<mjml><mj-body><mj-section><mj-column>
<mj-text>Hi {{ contact.first_name }}, from {{ sender.name }}</mj-text>
</mj-column></mj-section></mj-body></mjml>"""


async def test_mjml_of_a_step_arrives_as_the_html_it_becomes(installation: Installation, outbox: Path) -> None:
    contact = await make_record(installation, "contact", ANA)
    config: dict[str, Json] = {"subject": "Hello", "mjml": MJML, "preheader": "Beside", "transactional": True}
    standing = await stand_at_action(installation, contact, "send_email", config)

    answer = await act(standing, "send_email")

    (mail,) = read_outbox(outbox)
    assert answer.outcome == "done"
    assert mail["html"].startswith("<!doctype html>")
    assert "Hi Ana &amp; Co, from Followthrough</div>" in mail["html"]
    assert "<mj-" not in mail["html"]
    assert mail["text"] == "Hi Ana & Co, from Followthrough"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"html": "{{ steps.act.call.id }}"}, "undefined"),
        ({"html": "{{ 1 | divided_by: contact.score }}"}, "divide"),
        (
            {"html": "{% for i in (1..1000) %}" + "{{ contact.job_title }}" * 9 + "{% endfor %}"},
            "output stream limit reached",
        ),
        (
            {"subject": "{{ contact.job_title }}{{ contact.job_title }}"},
            "the subject rendered to more than 998 characters",
        ),
        ({"subject": "{{ contact.city }}"}, "the subject rendered to nothing"),
        ({"text": "{{ steps.act.call.id }}"}, "undefined"),
        ({"preheader": "{{ steps.act.call.id }}"}, "undefined"),
    ],
)
async def test_what_cannot_be_rendered_for_a_record_leaves_nothing(
    installation: Installation, outbox: Path, change: dict[str, Json], words: str
) -> None:
    contact = await make_record(installation, "contact", {**ANA, "job_title": "five megabytes " * 40, "score": 0})
    standing = await stand_at_action(installation, contact, "send_email", {**PLAIN, **change})

    answer = await act(standing, "send_email")

    assert (answer.outcome, answer.reason) == ("failed", "bad_template")
    assert words in ((await standing.visit())["detail"] or "")
    assert [*read_outbox(outbox)] == []
    assert await standing.rows(tables.messages) == []
