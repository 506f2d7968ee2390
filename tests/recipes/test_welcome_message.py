"""Welcome message: once for each, and only through the form that was named."""

from __future__ import annotations

from tests.fixtures.running import Running
from tests.recipes.installing import event, installed, only, outbox, person, way


async def test_who_subscribes_is_greeted_once(ft: Running) -> None:
    await installed(ft, "welcome-message", form="footer")
    ana = await person(ft, "Ana")
    await event(ft, ana, "form.submitted", form="contact")
    await event(ft, ana, "form.submitted", form="footer")
    over = await ft.ended((await only(ft, "welcome-message"))["id"])
    assert await way(ft, over) == [("welcome", "done", None)]
    await event(ft, ana, "form.submitted", form="footer")
    await ft.settled()
    assert outbox(ft) == ["You are on our list, Ana"]
    assert await ft.decisions("welcome-message") == ["enrolled", "re_entry_off"]


async def test_who_did_not_agree_is_not_written_to(ft: Running) -> None:
    await installed(ft, "welcome-message")
    await event(ft, await person(ft, "Bo", subscribed=None), "form.submitted", form="newsletter")
    over = await ft.ended((await only(ft, "welcome-message"))["id"])
    assert await way(ft, over) == [("welcome", "skipped", "not_subscribed")]
    assert outbox(ft) == []
