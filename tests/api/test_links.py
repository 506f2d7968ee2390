"""The preference page: what it shows, what its buttons do, and what a wrong address gets."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from domain.links import Link
from domain.records import Cause
from services.links import address_of_link
from services.records.records import Write, delete_record
from store.records import get_record
from store.schema import load_account, load_schema
from store.tables import messages
from tests.activities.calls import act
from tests.api.conftest import Caller
from tests.builders import stand_at_action
from tests.fixtures.clock import FixedClock

NEWS = {"subject": "News", "html": "<p>News</p>", "subscription": "newsletter"}
ANA = "ana@example.com"


async def sent(api: Caller, **states: str) -> tuple[str, str]:
    """A contact who was sent a newsletter; its id and the path of the link in the message."""
    for slug, more in (("newsletter", {}), ("offers", {"description": "Now & then"}), ("own", {"kind": "internal"})):
        await api.ok("POST", "/subscription-types", {"slug": slug, "name": slug.title(), **more}, status=201)
    contact = (await api.create("contact", email=ANA, marketing_status="marketing"))["id"]
    agreed = {"newsletter": "subscribed", **states}
    await api.ok("PUT", f"/records/contact/{contact}/subscriptions", {"subscriptions": agreed})
    async with api.inst.db.read() as read:
        record = await get_record(read, contact)
        account = await load_account(read)
    assert record is not None
    standing = await stand_at_action(api.inst, record, "send_email", NEWS)
    assert (await act(standing, "send_email")).outcome == "done"
    async with api.inst.db.read() as read:
        row = await read.one(select(messages.c.effect_key))
    assert row is not None
    link = Link(purpose="unsubscribe", key=row["effect_key"])
    return contact, address_of_link(api.inst, account, link).removeprefix(api.inst.public_url)


async def states(api: Caller, contact: str) -> dict[str, str]:
    found = await api.ok("GET", f"/records/contact/{contact}/subscriptions")
    return {each["subscription"]: each["state"] for each in found["items"]}


async def events(api: Caller) -> list[Any]:
    return [each["properties"] for each in (await api.ok("GET", "/events?event=email.unsubscribed"))["items"]]


def ticked(html: str) -> dict[str, bool]:
    return {name: bool(on) for name, on in re.findall(r'name="type" value="(\w+)"( checked)?>', html)}


async def test_the_page_shows_what_a_contact_gets_and_changes_nothing(api: Caller) -> None:
    _, path = await sent(api)
    del api.http.headers["Authorization"]
    page = await api.http.get(path)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert ticked(page.text) == {"newsletter": True, "offers": False}
    assert "a…@example.com" in page.text
    assert ANA not in page.text
    assert "Now &amp; then" in page.text
    assert "<script" not in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_saving_subscribes_to_what_is_ticked_and_unsubscribes_from_what_was(api: Caller) -> None:
    contact, path = await sent(api)
    page = await api.http.post(path, data={"action": "save", "type": ["offers", "own", "nonsense"]})
    assert page.status_code == 200
    assert 'role="status">Your choice is saved.' in page.text
    assert ticked(page.text) == {"newsletter": False, "offers": True}
    assert await states(api, contact) == {
        "newsletter": "unsubscribed", "offers": "subscribed", "own": "not_specified",
    }  # fmt: skip
    (event,) = await events(api)
    assert (event["subscription"], event["how"]) == ("newsletter", "page")
    newest = (await api.ok("GET", f"/records/contact/{contact}/subscriptions/history"))["items"][:2]
    assert {(each["subscription"], each["source"], each["legal_basis"]) for each in newest} == {
        ("newsletter", "preference page", "consent"), ("offers", "preference page", "consent"),
    }  # fmt: skip
    await api.http.post(path, data={"action": "save", "type": ["offers"]})
    assert len(await events(api)) == 1


async def test_a_type_made_while_the_page_was_open_was_not_decided_about(api: Caller) -> None:
    contact, path = await sent(api)
    form = (await api.http.get(path)).text
    shown = re.findall(r'type="hidden" name="shown" value="(\w+)"', form)
    assert shown == ["newsletter", "offers"]
    await api.ok("POST", "/subscription-types", {"slug": "tips", "name": "Tips"}, status=201)
    again = {"subscriptions": {"tips": "subscribed"}}
    await api.ok("PUT", f"/records/contact/{contact}/subscriptions", again)
    page = await api.http.post(path, data={"action": "save", "type": ["offers"], "shown": shown})
    assert ticked(page.text) == {"newsletter": False, "offers": True, "tips": True}
    assert (await states(api, contact))["tips"] == "subscribed"
    assert [each["subscription"] for each in await events(api)] == ["newsletter"]
    # On the page that came back it was shown.
    shown = re.findall(r'type="hidden" name="shown" value="(\w+)"', page.text)
    page = await api.http.post(path, data={"action": "save", "type": ["offers"], "shown": shown})
    assert ticked(page.text) == {"newsletter": False, "offers": True, "tips": False}


async def test_who_wants_nothing_and_then_something_again(api: Caller) -> None:
    contact, path = await sent(api, offers="subscribed")
    page = await api.http.post(path, data={"action": "all"})
    assert ticked(page.text) == {"newsletter": False, "offers": False}
    assert "unsubscribed from all" in page.text
    assert (await api.ok("GET", f"/records/contact/{contact}/subscriptions"))["unsubscribed_from_all"] is True
    (event,) = await events(api)
    assert (event["all"], event["how"]) == (True, "page")
    # To save nothing is not to want everything.
    await api.http.post(path, data={"action": "save"})
    assert (await api.ok("GET", f"/records/contact/{contact}/subscriptions"))["unsubscribed_from_all"] is True
    page = await api.http.post(path, data={"action": "save", "type": "offers"})
    assert ticked(page.text) == {"newsletter": False, "offers": True}
    assert (await api.ok("GET", f"/records/contact/{contact}/subscriptions"))["unsubscribed_from_all"] is False


async def test_any_other_post_is_the_one_click(api: Caller) -> None:
    contact, path = await sent(api)
    again = {"subscriptions": {"newsletter": "subscribed"}}
    multipart = {"Content-Type": "multipart/form-data; boundary=b"}
    part = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
    bodies: list[Any] = [
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"content": part, "headers": multipart},
        {"content": b"nonsense", "headers": multipart},
        {"content": b""},
    ]
    for body in bodies:
        await api.ok("PUT", f"/records/contact/{contact}/subscriptions", again)
        answer = await api.http.post(path, **body)
        assert answer.status_code == 200
        assert (await states(api, contact))["newsletter"] == "unsubscribed"
    assert len(await events(api)) == len(bodies)


async def test_the_link_of_a_contact_who_is_gone_reaches_whoever_has_the_address(api: Caller) -> None:
    contact, path = await sent(api)

    async def forget(id: str) -> None:
        async with api.inst.db.transaction() as tx:
            write = Write(schema=await load_schema(tx), addresses=api.inst.addresses, now=api.inst.clock.now(),
                          zone="UTC", cause=Cause(kind="api"))  # fmt: skip
            await delete_record(tx, write, id)

    await forget(contact)
    assert (await api.http.get(path)).status_code == 200
    again = (await api.create("contact", email=ANA.upper()))["id"]
    await api.http.post(path, data={"List-Unsubscribe": "One-Click"})
    assert (await states(api, again))["newsletter"] == "unsubscribed"
    await forget(again)
    await api.http.post(path, data={"List-Unsubscribe": "One-Click"})
    (kept,) = (await api.ok("GET", "/suppressions"))["items"]
    assert (kept["address"], kept["reason"]) == (ANA, "unsubscribed")


async def test_who_unticks_all_though_they_were_deleted_is_out_when_they_come_again(api: Caller) -> None:
    contact, path = await sent(api)
    await api.ok("PATCH", "/account", {"send_to_not_specified": True})
    await api.ok("DELETE", f"/records/contact/{contact}", status=204)
    agreed = await api.http.post(path, data={"action": "save", "type": "newsletter"})
    assert "This is not saved" in agreed.text
    assert (await api.ok("GET", "/suppressions"))["items"] == []
    page = await api.http.post(path, data={"action": "save"})
    assert "Your choice is saved." in page.text
    (kept,) = (await api.ok("GET", "/suppressions"))["items"]
    assert (kept["address"], kept["reason"]) == (ANA, "unsubscribed")


async def test_a_form_of_strangers_is_short(lite: Caller) -> None:
    for path in ("/u/nonsense", "/api/v1/inbound/sms", "/api/v1/providers/twilio/events?key=x"):
        long = await lite.http.post(path, content=b"a=1&" * 20_000)
        assert long.status_code == 413, path


async def test_an_address_that_is_not_ours_is_a_page_that_says_so(api: Caller) -> None:
    contact, path = await sent(api)
    for wrong in (path[:-1], path + "a", "/u/nothing", "/u/" + "a" * 5000, path.replace("/u/", "/u/é")):
        for answer in (await api.http.get(wrong), await api.http.post(wrong, data={"action": "all"})):
            assert answer.status_code == 404
            assert "This link does not work" in answer.text
    assert (await states(api, contact))["newsletter"] == "subscribed"


FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
LINKED = {
    "subject": "News", "transactional": True,
    "html": '<p><a href="https://shop.example/a?b=1&amp;c=ü">A</a> <a href="https://other.example/">B</a></p>',
}  # fmt: skip


async def mailed(api: Caller, config: dict[str, Any], clock: FixedClock) -> tuple[str, str]:
    """A contact who was sent an email a while ago; its id and the HTML as it left."""
    contact = (await api.create("contact", email=ANA))["id"]
    async with api.inst.db.read() as read:
        record = await get_record(read, contact)
    assert record is not None
    standing = await stand_at_action(api.inst, record, "send_email", config)
    assert (await act(standing, "send_email")).outcome == "done"
    (message,) = (await api.ok("GET", "/messages"))["items"]
    clock.advance(timedelta(minutes=5))
    return contact, message["html"]


def addresses(html: str, kind: str) -> list[str]:
    return re.findall(rf'"http://127.0.0.1:8080(/t/{kind}/[^"]+)"', html)


async def happened(api: Caller, name: str) -> list[Any]:
    return (await api.ok("GET", f"/events?event={name}"))["items"]


async def test_an_open_is_an_event_of_its_step_once_a_minute(api: Caller, clock: FixedClock) -> None:
    contact, html = await mailed(api, LINKED, clock)
    (pixel,) = addresses(html, "o")
    del api.http.headers["User-Agent"]
    key = api.http.headers.pop("Authorization")
    for _ in range(3):
        shown = await api.http.get(pixel, headers=FIREFOX)
        assert (shown.status_code, shown.headers["content-type"], shown.content[:6]) == (200, "image/gif", b"GIF89a")
        assert shown.headers["cache-control"] == "no-store"
    await api.http.get(pixel, headers={"User-Agent": "Mozilla/5.0"})
    clock.advance(timedelta(minutes=1))
    await api.http.get(pixel, headers=FIREFOX)
    assert (await api.http.get("/t/o/nonsense")).content == shown.content
    api.http.headers["Authorization"] = key
    events = await happened(api, "email.opened")
    assert [each["properties"]["machine"] for each in events] == [False, True, False]
    (message,) = (await api.ok("GET", "/messages"))["items"]
    assert {(each["record"]["id"], each["step"], each["enrollment_id"]) for each in events} == {
        (contact, "act", message["enrollment_id"])
    }  # fmt: skip
    assert (message["opened_at"] is not None, message["clicked_at"]) == (True, None)
    report = await api.ok("GET", "/workflows/test-workflow/report")
    (step,) = [each for each in report["steps"] if each["step"] == "act"]
    assert (step["sent"], step["opened"], step["clicked"], step["unsubscribed"]) == (1, 1, 0, 0)
    assert step["opened_by_machine"] == 1
    for figure, count in (("opened", 1), ("opened_by_machine", 1), ("clicked", 0)):
        behind = await api.ok("GET", f"/workflows/test-workflow/report/act/{figure}")
        assert len(behind["items"]) == count


async def test_what_a_program_does_is_told_apart_and_not_counted(api: Caller, clock: FixedClock) -> None:
    _, html = await mailed(api, LINKED, clock)
    for address in (*addresses(html, "o"), *addresses(html, "c")):
        await api.http.get(address, headers={"User-Agent": "BarracudaCentral/1.0"})
        await api.http.head(address, headers=FIREFOX)
    assert [each["properties"]["machine"] for each in await happened(api, "email.clicked")] == [True, True]
    (message,) = (await api.ok("GET", "/messages"))["items"]
    assert (message["opened_at"], message["clicked_at"]) == (None, None)
    (step,) = [s for s in (await api.ok("GET", "/workflows/test-workflow/report"))["steps"] if s["step"] == "act"]
    assert (step["opened"], step["opened_by_machine"]) == (0, 1)
    assert len((await api.ok("GET", "/workflows/test-workflow/report/act/opened_by_machine"))["items"]) == 1


async def test_a_link_leads_where_its_author_said_and_nowhere_else(api: Caller, clock: FixedClock) -> None:
    _, html = await mailed(api, LINKED, clock)
    first, second = addresses(html, "c")
    led = await api.http.get(first, headers=FIREFOX)
    assert (led.status_code, led.headers["location"]) == (302, "https://shop.example/a?b=1&c=%C3%BC")
    assert (await api.http.get(second, headers=FIREFOX)).headers["location"] == "https://other.example/"
    looked = await api.http.head(first, headers=FIREFOX)
    assert (looked.status_code, looked.headers["location"]) == (302, led.headers["location"])
    (later, sooner) = await happened(api, "email.clicked")
    assert sooner["properties"]["url"] == "https://shop.example/a?b=1&c=ü"
    assert later["properties"]["url"] == "https://other.example/"
    (message,) = (await api.ok("GET", "/messages"))["items"]
    assert message["opened_at"] == message["clicked_at"] is not None
    async with api.inst.db.read() as read:
        account = await load_account(read)
        row = await read.one(select(messages.c.effect_key))
    assert row is not None
    beyond = address_of_link(api.inst, account, Link(purpose="click", key=row["effect_key"], index=2))
    for wrong in (beyond.removeprefix(api.inst.public_url), first[:-3], "/t/c/x", f"{first}?url=https://evil.example"):
        answer = await api.http.get(wrong, headers=FIREFOX)
        if "?" in wrong:
            assert answer.headers["location"] == led.headers["location"]
        else:
            assert (answer.status_code, "location" in answer.headers) == (404, False)


async def test_tracking_is_switched_off_for_the_account_or_for_one_email(api: Caller, clock: FixedClock) -> None:
    await api.ok("PATCH", "/account", {"track_opens": False, "track_clicks": False})
    _, html = await mailed(api, LINKED, clock)
    assert html == LINKED["html"]


async def test_one_email_may_differ_from_the_account(api: Caller, clock: FixedClock) -> None:
    await api.ok("PATCH", "/account", {"track_opens": False})
    _, html = await mailed(api, {**LINKED, "track_opens": True, "track_clicks": False}, clock)
    assert (len(addresses(html, "o")), len(addresses(html, "c"))) == (1, 0)


async def test_the_way_out_is_not_led_through_us(api: Caller) -> None:
    _, path = await sent(api)
    (message,) = (await api.ok("GET", "/messages"))["items"]
    assert f'href="{api.inst.public_url}{path}"' in message["html"]


async def test_a_click_after_the_contact_is_gone_still_leads_on(api: Caller, clock: FixedClock) -> None:
    contact, html = await mailed(api, LINKED, clock)
    await api.ok("DELETE", f"/records/contact/{contact}", status=204)
    led = await api.http.get(addresses(html, "c")[1], headers=FIREFOX)
    assert (led.status_code, led.headers["location"]) == (302, "https://other.example/")
    assert await happened(api, "email.clicked") == []
