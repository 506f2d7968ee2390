"""Time and chance are inputs: a rule that asks for them itself cannot be replayed or tested."""

from __future__ import annotations

import pytest

from tests.laws.sources import hold, modules

WALL_CLOCK = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now", "datetime.date.today",
    "datetime.datetime.utcnow", "dt.datetime.now", "time.time", "time.time_ns", "time.localtime", "time.gmtime",
    "func.now", "func.current_timestamp",
}  # fmt: skip

CHANCE = ("random", "uuid", "secrets")

NOT_FOR_RULES = ("os", "asyncio", "time", "threading", "socket", "subprocess", "logging", "pathlib", "io", "sqlite3")


def test_only_one_gateway_reads_the_wall_clock() -> None:
    broken = [
        f"{module.path}:{line} calls {name}()"
        for module in modules()
        if module.path != "gateways/clock.py"
        for line, name in module.calls()
        if name in WALL_CLOCK
    ]
    hold(broken, "Take `now: datetime` as an argument; only gateways/clock.py asks the machine.")


def test_only_the_ids_of_the_store_are_made_by_chance() -> None:
    broken = [
        f"{module.path}:{line} imports {name}"
        for module in modules()
        # The sample's generator draws from a seeded sequence: the same rows every time.
        if module.path != "store/ids.py" and module.room != "examples"
        for line, name in module.imports()
        if name.partition(".")[0] in CHANCE and name != "uuid.UUID"
    ]
    hold(broken, "Ids and secrets come from store/ids.py; a draw of the product is a hash of stable ids.")


@pytest.mark.parametrize("module", modules("domain"), ids=lambda module: module.path)
def test_the_domain_does_not_touch_the_machine(module: object) -> None:
    broken = [
        f"{module.path}:{line} imports {name}"  # type: ignore[attr-defined]
        for line, name in module.imports()  # type: ignore[attr-defined]
        if name.partition(".")[0] in NOT_FOR_RULES
    ]
    hold(broken, "The domain is pure: values in, values out.")
