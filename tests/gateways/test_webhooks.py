"""Calls of addresses outside, to real servers: what is out of bounds, what is allowed, and how little is believed."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import subprocess
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from domain.errors import GatewayError, Rejected, Unavailable
from domain.ports import WebhookAnswer, WebhookRequest
from gateways import webhooks
from gateways.guarded_network import AllowList, is_public
from gateways.webhooks import MOST_BYTES, SETTING, HttpWebhooks
from tests.fixtures.http_sink import AtRequest, HttpSink, http_sink, running_http_sink

__all__ = ["http_sink"]


def request(url: str, **parts: Any) -> WebhookRequest:
    whole: dict[str, Any] = {"key": "k1", "method": "POST", "url": url, "headers": {"X-Key": "s3cret"}, "body": b"{}"}
    return WebhookRequest(**{**whole, **parts})


async def send(allowed: tuple[str, ...], url: str, **parts: Any) -> WebhookAnswer:
    return await HttpWebhooks(allowed).send(request(url, **parts))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "127.8.8.8", "localhost", "LOCALHOST", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1",
        "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "10.1.2.3", "172.16.0.1",
        "192.168.1.1", "100.64.0.1", "169.254.169.254", "[64:ff9b::7f00:1]", "[64:ff9b::808:808]", "[64:ff9b:1::1]",
        "[fec0::1]", "[fe80::1]", "[fd00::1]", "[2002:7f00:1::]", "[2001:0:1::]", "224.0.0.1", "[ff02::1]",
        "255.255.255.255", "192.0.2.1", "240.0.0.1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_what_is_not_the_internet_is_out_of_bounds_however_it_is_written(
    http_sink: HttpSink, scheme: str, host: str
) -> None:
    with pytest.raises(Rejected, match="is not a public address"):
        await send((), f"{scheme}://{host}:{http_sink.port}/")
    assert http_sink.requests == []


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.0/8", "127.0.0.1"),
        ("127.0.0.1:{port}", "127.0.0.1"),
        ("localhost", "localhost"),
        ("LocalHost:{port}", "localhost"),
        ("127.0.0.1", "2130706433"),
    ],
)
async def test_what_an_operator_allows_is_called(http_sink: HttpSink, entry: str, host: str) -> None:
    http_sink.answer(200, {"ok": True})
    found = await send((entry.format(port=http_sink.port),), f"http://{host}:{http_sink.port}/in?a=1", body=b'{"a":1}')
    (got,) = http_sink.requests
    assert (found.status, found.body) == (200, b'{"ok": true}')
    assert (got.method, got.target, got.body) == ("POST", "/in?a=1", b'{"a":1}')
    assert got.headers["host"] == f"{host}:{http_sink.port}"
    assert (got.headers["x-key"], got.headers["accept-encoding"]) == ("s3cret", "identity")


@pytest.mark.parametrize("entry", ["127.0.0.2", "127.0.0.1:1", "localhos", "localhost:1", "10.0.0.0/8", "[::1]"])
async def test_what_an_operator_allows_allows_nothing_else(http_sink: HttpSink, entry: str) -> None:
    with pytest.raises(Rejected):
        await send((entry,), f"http://127.0.0.1:{http_sink.port}/")
    assert http_sink.requests == []


@pytest.mark.parametrize("entry", ["a b", "http://a", "127.0.0.1:x", "a:99999", "10.0.0.0/40", ""])
def test_an_entry_that_allows_nothing_is_told(entry: str) -> None:
    with pytest.raises(ValueError, match=SETTING):
        AllowList.read(SETTING, [entry])


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "2002:808:808::"])
def test_the_internet_is_within_bounds(address: str) -> None:
    assert is_public(ip_address(address))


async def test_without_encryption_nobody_but_the_allowed_is_called() -> None:
    with pytest.raises(Rejected, match="use https"):
        await send((), "http://8.8.8.8/")


async def test_the_address_that_was_looked_at_is_the_one_that_is_called(
    http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that resolves to a public address first and to this machine later."""
    asked: list[str] = []

    async def resolve(_: object, host: str, port: int, **__: object) -> list[Any]:
        asked.append(host)
        address = "192.0.2.77" if len(asked) > 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(type(loop), "getaddrinfo", resolve)
    await send(("127.0.0.1",), f"http://hooks.example.com:{http_sink.port}/")
    assert asked == ["hooks.example.com"]
    assert len(http_sink.requests) == 1
    assert http_sink.requests[0].headers["host"] == f"hooks.example.com:{http_sink.port}"
    # Every address counts, not the first only.

    async def both(_: object, host: str, port: int, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("8.8.8.8", "127.0.0.1")]

    monkeypatch.setattr(type(loop), "getaddrinfo", both)
    with pytest.raises(Rejected, match=r"127\.0\.0\.1"):
        await send((), f"https://hooks.example.com:{http_sink.port}/")


async def test_a_redirect_is_an_answer_unless_it_shall_be_followed(http_sink: HttpSink) -> None:
    async with running_http_sink() as other:
        http_sink.answer(307, None, Location=f"http://127.0.0.1:{other.port}/there")
        url, here = f"http://127.0.0.1:{http_sink.port}/", f"127.0.0.1:{http_sink.port}"
        assert (await send((here,), url)).status == 307
        with pytest.raises(Rejected, match="is not a public address"):
            await send((here,), url, follow_redirects=True)
        assert other.requests == []
        found = await send(("127.0.0.1",), url, follow_redirects=True, private=frozenset({"x-key"}))
        assert found.status == 201
        (got,) = other.requests
        assert (got.method, got.target, got.body) == ("POST", "/there", b"{}")
        assert "x-key" not in got.headers


async def test_a_redirect_after_a_post_is_fetched_and_a_circle_ends(http_sink: HttpSink) -> None:
    http_sink.answer(302, None, Location="/next")
    with pytest.raises(Rejected, match="redirected more than 5 times"):
        await send(("127.0.0.1",), f"http://127.0.0.1:{http_sink.port}/", follow_redirects=True)
    assert [each.method for each in http_sink.requests] == ["POST", *["GET"] * 5]
    assert http_sink.requests[1].body == b""
    assert http_sink.requests[1].headers["x-key"] == "s3cret"


async def test_nothing_of_the_environment_is_a_proxy(http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await send(("127.0.0.1",), f"http://127.0.0.1:{http_sink.port}/")).status == 201


@pytest.mark.parametrize(
    ("behaviour", "handed_over"),
    [(AtRequest.HANG_UP, True), (AtRequest.NONSENSE, True), (AtRequest.STALL, True)],
)
async def test_a_lost_answer_leaves_open_what_became_of_the_call(
    http_sink: HttpSink, monkeypatch: pytest.MonkeyPatch, behaviour: AtRequest, handed_over: bool
) -> None:
    monkeypatch.setitem(webhooks._TIMEOUT, "read", 0.3)
    http_sink.at_request = behaviour
    with pytest.raises(Unavailable, match="no answer") as lost:
        await send(("127.0.0.1",), f"http://127.0.0.1:{http_sink.port}/")
    assert lost.value.handed_over is handed_over


async def test_nobody_there_is_told_from_a_lost_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unavailable, match="no connection") as away:
        await send(("127.0.0.1",), f"http://127.0.0.1:{port}/")
    assert away.value.handed_over is False
    with pytest.raises(Unavailable, match="no connection"):
        await send((), "https://nobody.invalid/")


async def test_a_long_answer_is_cut(http_sink: HttpSink) -> None:
    http_sink.body = b"a" * (MOST_BYTES + 10)
    found = await send(("127.0.0.1",), f"http://127.0.0.1:{http_sink.port}/")
    assert (len(found.body), found.is_cut) == (MOST_BYTES, True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of hooks.example.com with its key, signed by nobody."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not on PATH")
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    order = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=hooks.example.com"
    command = [openssl, *order.split(), "-addext", "subjectAltName=DNS:hooks.example.com"]
    subprocess.run([*command, "-keyout", f"{path}.key", "-out", str(path)], check=True, capture_output=True)
    return path


async def test_encryption_goes_by_the_name_and_not_by_the_address(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = HttpSink()
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(certificate, f"{certificate}.key")
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0, ssl=serving)
    port = server.sockets[0].getsockname()[1]

    async def resolve(_: object, host: str, port: int, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", resolve)
    trusting = HttpWebhooks(["127.0.0.1"], tls=ssl.create_default_context(cafile=str(certificate)))
    async with server:
        assert (await trusting.send(request(f"https://hooks.example.com:{port}/"))).status == 201
        for who, host in ((trusting, "other.example.com"), (HttpWebhooks(["127.0.0.1"]), "hooks.example.com")):
            with pytest.raises(Unavailable, match="certificate is not to be trusted"):
                await who.send(request(f"https://{host}:{port}/"))
    assert len(sink.requests) == 1


async def test_words_never_hold_the_address_or_a_secret() -> None:
    for url in ("https://nobody.invalid/s3cret", "https://10.0.0.1/s3cret", "https://s3cret:s3cret@a/"):
        with pytest.raises(GatewayError) as told:
            await send((), url)
        assert "s3cret" not in str(told.value)
    assert "s3cret" not in repr(request("https://example.com/s3cret"))
