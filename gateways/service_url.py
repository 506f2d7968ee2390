"""Reads the address of an outside service from a setting; says what is wrong without repeating what may be secret."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class ServiceUrl:
    """``scheme://username:password@host:port?option=value``, each part decoded."""

    scheme: str
    host: str
    port: int | None
    username: str | None
    password: str | None = field(repr=False)
    options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, setting: str, url: str, *, options: Collection[str]) -> ServiceUrl:
        """Take ``url`` apart; ``setting`` is the variable it comes from, ``options`` the query names it may have.

        Raises:
            ValueError: naming the setting, when it is not such an address.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
            given = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError:
            # The words of the parser repeat the address, and with it the password.
            raise ValueError(f"{setting}: this is not an address with a host and a port") from None
        if not parts.hostname:
            raise ValueError(f"{setting}: a host is missing after {parts.scheme}://")
        if parts.path not in ("", "/") or parts.fragment:
            raise ValueError(
                f"{setting}: nothing may follow the host and port but ?option=value; % , # and / in a "
                "password are written %25, %23 and %2F"
            )
        for name, values in given.items():
            if name not in options:
                raise ValueError(f"{setting}: there is no option of that name; there is {', '.join(options)}")
            if len(values) > 1:
                raise ValueError(f"{setting}: the option {name} is given twice")
        return cls(
            scheme=parts.scheme,
            host=parts.hostname,
            port=port,
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            options={name: values[0] for name, values in given.items()},
        )

    def choice(self, setting: str, name: str, choices: Collection[str]) -> str | None:
        """The value of an option; None when it is not given.

        Raises:
            ValueError: naming the setting, when it is none of ``choices``.
        """
        value = self.options.get(name)
        if value is not None and value not in choices:
            raise ValueError(f"{setting}: {name} must be {' or '.join(choices)}")
        return value
