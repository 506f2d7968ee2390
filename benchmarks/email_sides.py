"""The two sides that ``emails`` compares: how each is set up, driven, and asked what it used."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from benchmarks.clients import at_once, connected, create
from benchmarks.places import database_bytes, tree_cpu_seconds
from benchmarks.postgres import Cluster, postgres
from benchmarks.sink import Sink
from benchmarks.tryton import Tryton, installed
from tests.faults.site import Site
from tests.runs.definitions import by_hand

STEPS = 2
"""Emails that everybody gets, one after the other."""
PATIENCE_S = 900.0
SETTLE_S = 5
"""How long fresh workers get to connect and poll before the clock runs."""

HTML = """<html><body><p>Hello, {{ contact.first_name }}!</p>
<p>Here is a <a href="http://example.com/action">nice link</a>.</p>
<p><a href="{{ message.unsubscribe_url }}">Unsubscribe</a></p></body></html>"""


class Side(Protocol):
    """What is measured."""

    name: str
    cluster: Cluster

    def workers(self, count: int) -> None:
        """Work with so many processes from now on."""

    def create(self, people: Sequence[str]) -> None:
        """Make these people known."""

    def travel(self, people: Sequence[str]) -> float:
        """Let them in and wait for all emails; the seconds until everybody was in."""

    def settled(self) -> bool:
        """Whether nothing is left to do."""

    def cpu_seconds(self) -> float:
        """What its own processes used so far."""

    def server(self) -> tuple[float, int]:
        """CPU seconds and bytes of a server it needs besides the database."""


class Ours:
    """An installation with API, workers and Temporal as processes, mailing into the sink."""

    name = "Followthrough"

    def __init__(self, site: Site, cluster: Cluster, sink: Sink) -> None:
        self.cluster = cluster
        self._site = site
        self._sink = sink
        self._ids: dict[str, str] = {}
        self._parts: list[Any] = ["worker"]
        site.call("PATCH", "/account", {"send_to_not_specified": True})
        site.call("POST", "/subscription-types", {"slug": "news"})
        where = {"property": "country", "op": "is", "value": "NO"}
        config = {"subject": "Hello {{ contact.first_name }}", "html": HTML, "subscription": "news"}
        steps = [{"id": id, "kind": "action", "action": "send_email", "config": config} for id in ("first", "second")]
        site.publish(by_hand("news", steps, entry={"triggers": [{"id": "no", "on": "filter", "where": where}]}))

    def workers(self, count: int) -> None:
        """Start the second worker when it is wanted."""
        if count == 2:
            self._site.start("worker-2")
            self._parts.append("worker-2")
        time.sleep(SETTLE_S)

    def create(self, people: Sequence[str]) -> None:
        """Contacts who may be written to."""
        common = {"first_name": "Kim", "marketing_status": "marketing"}

        async def all_of_them() -> list[str]:
            async with connected(self._site) as http:
                return await create(http, [{"email": person, **common} for person in people])

        self._ids |= dict(zip(people, asyncio.run(all_of_them()), strict=True))

    def travel(self, people: Sequence[str]) -> float:
        """Change a property of each by the API, which the trigger waits for."""

        async def all_of_them() -> None:
            async with connected(self._site) as http:

                async def one(person: str) -> None:
                    path = f"/records/contact/{self._ids[person]}"
                    (await http.patch(path, json={"properties": {"country": "NO"}})).raise_for_status()

                await at_once(people, one)

        began = time.time()
        asyncio.run(all_of_them())
        entered = time.time() - began
        self._site.until(lambda: self._sink.look() >= len(people) * STEPS, "every email arrives", within_s=PATIENCE_S)
        return entered

    def settled(self) -> bool:
        """Whether every enrollment has ended."""
        return self.cluster.number("SELECT count(*) FROM enrollments WHERE ended_at IS NULL") == 0

    def cpu_seconds(self) -> float:
        """API and workers."""
        return sum(tree_cpu_seconds(self._site.pid(part)) for part in ("api", *self._parts))

    def server(self) -> tuple[float, int]:
        """Temporal."""
        return tree_cpu_seconds(self._site.pid("temporal")), database_bytes(self._site.folder / "temporal.db")


class Theirs:
    """Tryton, with its server and its queue workers as processes."""

    name = "Tryton"

    def __init__(self, tryton: Tryton, cluster: Cluster, sink: Sink) -> None:
        self.cluster = cluster
        self._tryton = tryton
        self._sink = sink

    def workers(self, count: int) -> None:
        """Work its queue with so many processes."""
        self._tryton.workers(count)
        time.sleep(SETTLE_S)

    def create(self, people: Sequence[str]) -> None:
        """Parties, and the scenario that is for them."""
        self._tryton.create(people)
        self._tryton.scenario(people[0].partition("-")[0] + "-")

    def travel(self, people: Sequence[str]) -> float:
        """What its crons do, at once."""
        return self._tryton.travel(self._sink, len(people))

    def settled(self) -> bool:
        """Whether its queue is worked off."""
        return self._tryton.settled()

    def cpu_seconds(self) -> float:
        """Its server and its workers."""
        return self._tryton.cpu_seconds()

    def server(self) -> tuple[float, int]:
        """It needs none."""
        return 0.0, 0


@contextmanager
def ours(sink: Sink) -> Iterator[Side]:
    """Our side on a database of its own."""
    with tempfile.TemporaryDirectory() as place, postgres() as cluster:
        url = f"smtp://127.0.0.1:{sink.port}"
        with Site(Path(place), database_url=cluster.url, mail_url=url) as site:
            yield Ours(site, cluster, sink)


@contextmanager
def theirs(sink: Sink) -> Iterator[Side]:
    """The other side on a database of its own."""
    installed()
    with tempfile.TemporaryDirectory() as place, postgres() as cluster, Tryton(Path(place), cluster, sink) as tryton:
        yield Theirs(tryton, cluster, sink)
