"""Many clients at once, each of which sends its next request when the last was answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from httpx2 import AsyncClient, Limits

from tests.faults.site import Site

CLIENTS = 16
T = TypeVar("T")


@asynccontextmanager
async def connected(site: Site, clients: int = CLIENTS) -> AsyncIterator[AsyncClient]:
    """So many connections to the API of an installation; paths begin behind ``/api/v1``."""
    async with AsyncClient(
        base_url=f"{site.http.base_url}/api/v1", headers=site.http.headers, limits=Limits(max_connections=clients),
        timeout=120, trust_env=False,
    ) as http:  # fmt: skip
        yield http


async def at_once(what: Iterable[T], request: Callable[[T], Awaitable[None]], clients: int = CLIENTS) -> list[float]:
    """One request for each, by so many clients; the seconds that each of them took."""
    took: list[float] = []
    waiting = iter(what)

    async def client() -> None:
        for each in waiting:
            began = time.perf_counter()
            await request(each)
            took.append(time.perf_counter() - began)

    await asyncio.gather(*(client() for _ in range(clients)))
    return took


async def create(http: AsyncClient, properties: Iterable[Mapping[str, Any]]) -> list[str]:
    """Contacts with these properties; their ids, in the same order."""
    ids: dict[int, str] = {}

    async def one(numbered: tuple[int, Mapping[str, Any]]) -> None:
        n, values = numbered
        answer = await http.post("/records/contact", json={"properties": values})
        ids[n] = answer.raise_for_status().json()["id"]

    await at_once(enumerate(properties), one)
    return [ids[n] for n in range(len(ids))]


async def enroll(http: AsyncClient, slug: str, contact_id: str) -> None:
    """Let one contact in by hand."""
    body = {"record": {"object": "contact", "id": contact_id}}
    (await http.post(f"/workflows/{slug}/enrollments", json=body)).raise_for_status()


async def let_in(site: Site, slug: str, properties: Iterable[Mapping[str, Any]]) -> None:
    """Create contacts with these properties and let all of them in by hand."""
    async with connected(site) as http:
        await at_once(await create(http, properties), lambda contact_id: enroll(http, slug, contact_id))


def named(label: str, count: int) -> list[dict[str, Any]]:
    """The properties of so many contacts that have an email address and nothing else."""
    return [{"email": f"{label}-{n}@example.com"} for n in range(count)]
