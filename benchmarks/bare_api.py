"""An API that does nothing but commit one row, on the framework, server and driver of ours, as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from httpx2 import Client, TransportError
from pydantic import BaseModel
from sqlalchemy import JSON, Column, Integer, MetaData, Table, insert
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.postgres import Cluster
from tests.faults.site import ROOT, free_ports

rows = Table("bare_rows", MetaData(), Column("id", Integer, primary_key=True), Column("properties", JSON))
PATIENCE_S = 30.0


class Row(BaseModel):
    """What is posted."""

    properties: dict[str, Any]


def make(database_url: str) -> FastAPI:
    """The application, with as many connections as ours has."""
    engine = create_async_engine(database_url, pool_size=10, max_overflow=10)

    @asynccontextmanager
    async def opened(_: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(rows.metadata.create_all)
        yield
        await engine.dispose()

    app = FastAPI(lifespan=opened)

    @app.post("/rows", status_code=201)
    async def add(row: Row) -> dict[str, int]:
        async with engine.begin() as connection:
            made = await connection.execute(insert(rows).values(properties=row.properties))
            return {"id": made.inserted_primary_key[0]}  # type: ignore[index]

    return app


@contextmanager
def bare_api(cluster: Cluster) -> Iterator[str]:
    """Run it beside a database; its address."""
    (port,) = free_ports(1)
    process = subprocess.Popen([sys.executable, "-m", __name__, str(port)], cwd=ROOT,
                               env={**os.environ, "BARE_DATABASE": cluster.url}, stdin=subprocess.DEVNULL)  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + PATIENCE_S
        with Client(base_url=address, trust_env=False) as http:
            while True:
                try:
                    http.get("/openapi.json").raise_for_status()
                    break
                except TransportError:
                    assert time.monotonic() < deadline, "the bare API does not answer"
                    time.sleep(0.1)
        yield address
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    uvicorn.run(make(os.environ["BARE_DATABASE"]), port=int(sys.argv[1]), log_level="warning", access_log=False)
