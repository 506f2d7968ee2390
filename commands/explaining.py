"""`followthrough explain`: would a record enter a workflow now, and why, told on the screen."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from commands.client import connect
from commands.output import AsJson, show, speaking
from commands.records import find


def explain(
    slug: Annotated[str, typer.Argument(help="The workflow.")],
    reference: Annotated[str, typer.Argument(metavar="RECORD", help="contact/<id>, or contact/email/<address>.")],
    bound: Annotated[
        str | None,
        typer.Option("--about", "--opportunity", help="Only about this associated record: its id, or as RECORD."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell whether a record would enter a workflow now, and why; nothing is changed."""
    with speaking(as_json), connect() as api:
        record = find(api, reference)
        about = find(api, bound)["id"] if bound is not None and "/" in bound else bound
        path = f"/workflows/{quote(slug, safe='')}/explain"
        found = api.get(path, record=record["id"], bound=about)
        show(found, explanation_text(found), as_json=as_json)


def explanation_text(found: Any) -> str:
    """An explanation as the API answers it."""
    version = f" v{found['version']}" if found["version"] is not None else ""
    lines = [f"{_named(found['record'])} and {found['workflow']}{version}, which is {found['state']}"]
    lines += _case(found)
    for case in found["about"]["items"]:
        lines += ["", *_case(case)]
    if found["about"]["next_cursor"]:
        lines += ["", "… and more associated records: ask about one with --about"]
    if found["unknown"]:
        lines += ["", "not known before it happens:", *(f"  {each}" for each in found["unknown"])]
    if found["decisions"]:
        lines += ["", "last decisions:"]
        lines += [f"  {each['decided_at'][:19].replace('T', ' ')} UTC  {each['words']}" for each in found["decisions"]]
    return "\n".join(lines)


def _case(case: Any) -> list[str]:
    about = f"about {_named(case['bound'])}, " if case["bound"] else ""
    lines = [f"{about}by hand: {_outlook(case['by_hand'])}", *_seen(case["by_hand"]["seen"])]
    for trigger in case["triggers"]:
        lines.append(f"  trigger {trigger['id']} ({trigger['words']}): {trigger['says']}")
        lines += _seen(trigger["seen"])
        fired = trigger["if_fired"]
        if fired["decision"] != case["by_hand"]["decision"] or fired["why"] != case["by_hand"]["why"]:
            lines.append(f"    if it fired now: {_outlook(fired)}")
    for check in case["checks"]:
        lines.append(f"  {KINDS[check['kind']]} ({check['words']}): {'holds' if check['holds'] else 'does not hold'}")
        lines += _seen(check["seen"])
    passages = [f"  it {each['words']}" for each in case["passages"]]
    return [*lines, *(passages or ["  it never entered"])]


KINDS = {"suppressed": "suppression", "goal_already_met": "goal", "exit_already_met": "exit condition"}


def _outlook(outlook: Any) -> str:
    return f"{outlook['words']} ({outlook['why']})" if outlook["why"] else str(outlook["words"])


def _seen(values: Any) -> list[str]:
    return [f"    {each['what']}: {'yes' if each['holds'] else 'no'}, it is {each['shown']}" for each in values]


def _named(pointer: Any) -> str:
    name = f"{pointer['name']} " if pointer["name"] else ""
    return f"{pointer['object']} {name}({pointer['id']})"
