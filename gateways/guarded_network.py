"""Connections that never lead into the operator's own network, unless the operator said so.

A name is resolved once, and the connection goes to the very address that was looked at, so that a name which resolves
elsewhere a moment later leads nowhere. TLS goes by the name all the same.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpcore2

from domain.errors import Rejected

# What the standard library takes for public, and is not: translated and site-local addresses.
NOT_PUBLIC = tuple(IPv6Network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "fec0::/10", "2001::/32"))


@dataclass(frozen=True)
class AllowList:
    """What may be called besides public addresses: names and networks, each on one port or on any (None)."""

    names: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[tuple[IPv4Network | IPv6Network, int | None], ...] = ()

    @classmethod
    def read(cls, setting: str, entries: Iterable[str]) -> AllowList:
        """From ``crm.internal``, ``10.0.0.0/8``, ``127.0.0.1:8080`` or ``[::1]:8080``.

        Raises:
            ValueError: naming the setting and the entry that is none of these.
        """
        names, networks = set(), []
        for entry in entries:
            host, port = _split(entry)
            try:
                networks.append((ip_network(host, strict=False), port))
            except ValueError:
                if port == 0 or not _is_name(host):
                    raise ValueError(f"{setting}: {entry!r} is no host name, address or network") from None
                names.add((host.lower(), port))
        return cls(frozenset(names), tuple(networks))

    def has(self, name: str, port: int, address: IPv4Address | IPv6Address) -> bool:
        """Whether the operator allowed this name or address."""
        if {(name.lower(), port), (name.lower(), None)} & self.names:
            return True
        return any(
            address.version == net.version and address in net and only in (None, port) for net, only in self.networks
        )


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address belongs to the internet at large."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return is_public(inner)
        if any(address in net for net in NOT_PUBLIC):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Opens connections of one call. ``is_plain``: it goes unencrypted, which only allowed addresses get."""

    def __init__(self, allowed: AllowList, *, is_plain: bool) -> None:
        self._allowed = allowed
        self._is_plain = is_plain
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the name of the backend it stands in for
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of the name that answers; every one of them must be within bounds.

        Raises:
            Rejected: one is not.
        """
        options = None if socket_options is None else list(socket_options)
        failed: Exception = httpcore2.ConnectError("the name has no address")
        for address in await self._addresses(host, port, timeout or 60.0):
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - see above
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Never.

        Raises:
            Rejected: always.
        """
        raise Rejected("a socket of this machine may not be called")

    async def sleep(self, seconds: float) -> None:
        """Wait between attempts to connect, which are not made here."""
        await self._network.sleep(seconds)

    async def _addresses(self, host: str, port: int, within_s: float) -> Collection[str]:
        try:
            async with asyncio.timeout(within_s):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError as slow:
            raise httpcore2.ConnectTimeout("the name could not be looked up in time") from slow
        except (OSError, UnicodeError) as unknown:
            raise httpcore2.ConnectError("the name could not be looked up") from unknown
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for each in addresses:
            self._look(host, port, ip_address(each.partition("%")[0]))
        return addresses

    def _look(self, host: str, port: int, address: IPv4Address | IPv6Address) -> None:
        if self._allowed.has(host, port, address):
            return
        if not is_public(address):
            raise Rejected(f"{address} is not a public address; an operator may allow it (FOLLOWTHROUGH_WEBHOOK_ALLOW)")
        if self._is_plain:
            raise Rejected("without encryption only addresses that an operator allowed are called; use https")


def _split(entry: str) -> tuple[str, int | None]:
    """Host and port, 0 for one that is none; an IPv6 address has brackets where it has a port."""
    host, colon, port = entry.rpartition(":")
    if entry.startswith("[") and entry.endswith("]"):
        return entry[1:-1], None
    if not colon or (":" in host and not (host.startswith("[") and host.endswith("]"))):
        return entry, None
    is_port = port.isascii() and port.isdigit() and int(port) < 65536
    return (host.strip("[]"), int(port)) if is_port else (entry, 0)


def _is_name(host: str) -> bool:
    labels = host.rstrip(".").split(".")
    return all(label and label.replace("-", "a").replace("_", "a").isalnum() and label.isascii() for label in labels)
