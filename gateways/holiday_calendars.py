"""Public holidays by country and subdivision; knowledge from the library holidays, which is renewed every month."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import holidays


class PublicHolidays:
    """The holidays of most countries, offline; read on first use."""

    def problem(self, country: str, subdivision: str | None) -> str | None:
        """Why there is no such calendar, in words; None when there is."""
        known = holidays.list_supported_countries(include_aliases=False)
        if country not in known:
            return f"no holidays are known of {country!r}; write a two-letter country code such as NO, or list dates"
        if subdivision is not None and subdivision not in known[country]:
            parts = ", ".join(known[country]) or "none"
            return f"{country} has no subdivision {subdivision!r}; known are: {parts}"
        return None

    def is_holiday(self, country: str, subdivision: str | None, day: date) -> bool:
        """Whether a day is a public holiday there; False where the calendar is not known any more."""
        return day in _of_year(country, subdivision, day.year)


@lru_cache(maxsize=512)
def _of_year(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=year))
    except NotImplementedError:
        return frozenset()
