"""Names the places of mistakes as the caller wrote them, where another service names them by its own arguments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from domain.errors import Invalid


@contextmanager
def placed(places: Mapping[str, str]) -> Iterator[None]:
    """Refuse what is refused inside with the mistakes at ``places`` (path told -> path the caller knows).

    Raises:
        Invalid: as inside; a path that ``places`` does not have stays.
    """
    try:
        yield
    except Invalid as error:
        moved = [each.model_copy(update={"path": places.get(each.path, each.path)}) for each in error.errors]
        raise Invalid(str(error), code=error.code, errors=moved) from None
