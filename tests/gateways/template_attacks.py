"""Templates written to stop a worker. Run as a program: renders each and prints one line of outcome per attack.

The test runs it in a process of its own with bounds on time and memory, since a loop in C cannot be interrupted from
inside the interpreter that it holds.
"""

from __future__ import annotations

import json
import resource
import sys
import time

from domain.base import Json
from domain.errors import StepFailed
from gateways.templates import LiquidTemplates

KIB64 = 64 * 1024
BIG = "x" * 99_000
VARIABLES: dict[str, Json] = {
    "contact": {"first_name": "Ana", "notes": BIG, "tags": ["a"] * 900, "many": ["b"] * 200_000, "huge": 10**700},
    "html": "<" * 90_000 + ">",
    "tags": "<a " * 30_000 + ">",
    "comments": "<!--" * 22_000 + ">",
}


def fill(text: str, *, size: int = KIB64) -> str:
    """As many copies of ``text`` as fit."""
    return text * (size // len(text))


def loops(depth: int, body: str, span: str = "(1..1000)") -> str:
    """``depth`` loops inside each other around ``body``."""
    opening = "".join("{% for i" + str(n) + " in " + span + " %}" for n in range(depth))
    return opening + body + "{% endfor %}" * depth


FORTY = "{% assign a = 'ab' %}" + "{% assign a = a | append: a %}" * 40
# What explodes by itself, for a record with a few short values: refused when it is saved.
ALONE: dict[str, str] = {
    "forty appends": "{% assign a = 'ab' %}" + "{% assign a = a | append: a %}" * 40 + "{{ a }}",
    "forty captures": "{% capture a %}ab{% endcapture %}" + "{% capture a %}{{ a }}{{ a }}{% endcapture %}" * 40,
    "forty prepends to data": "{% assign a = contact.first_name %}" + "{% assign a = a | prepend: a %}" * 40,
    "a chain of replaces": "{{ 'aaaaaaaa'" + " | replace: 'a', 'aaaaaaaa'" * 12 + " }}",
    "a product of products": "{% assign n = 99 %}" + "{% assign n = n | times: n %}" * 40 + "{{ n }}",
    "eight loops over a split text": "{% assign l = 'a,b,c,d,e,f,g,h' | split: ',' %}" + loops(8, "x", "l"),
    "eight loops over ranges": loops(8, "x", "(1..8)"),
    "eight loops over pieces of data": "{% assign l = contact.first_name | append: '--------' | split: '' %}"
    + loops(8, "x", "l"),
    "many loops over a split text": "{% assign l = '"
    + "a," * 900
    + "' | split: ',' %}"
    + "{% for i in l %}{% endfor %}" * 400,
    "output in a loop": loops(1, "x" * 2_000),
    "behind a condition": "{% if contact.city %}" + FORTY + "{% endif %}",
    "behind a blank": "{% unless contact.city %}" + FORTY + "{% endunless %}",
    "behind a comparison": "{% if contact.city == 'Bergen' %}" + FORTY + "{% endif %}",
    "behind two comparisons": "{% if contact.city == 'Bergen' and contact.score > 50 %}" + FORTY + "{% endif %}",
    "behind a contains": "{% if contact.tags contains 'vip' %}" + FORTY + "{% endif %}",
    "behind an elsif": "{% if contact.city == 'a' %}{% elsif contact.city == 'b' %}" + FORTY + "{% endif %}",
    "behind a when": "{% case contact.city %}{% when 'a' %}{% when 'b', 'c' %}" + FORTY + "{% endcase %}",
    "behind a filtered value": "{% assign c = contact.city | downcase %}{% if c == 'bergen' %}" + FORTY + "{% endif %}",
    "behind an error": "{{ contact.city | date: 1, 2, 3 }}" + FORTY,
    "inside a loop over data": "{% for item in steps.hook.items %}{{ item.sku }}" + FORTY + "{% endfor %}",
}
ATTACKS: dict[str, str] = {
    **ALONE,
    "a range in C": "{% if (1..999999999999) contains 'x' %}{% endif %}",
    "a range joined": "{{ (1..5000000) | join: ',' }}",
    "a range summed": "{{ (1..999999999999) | sum }}",
    "a range reversed": "{{ (1..999999999999) | reverse | first }}",
    "a range by variable": "{% assign n = 999999999999 %}{% for i in (1..n) %}{% endfor %}",
    "a range in a filter argument": "{{ 'a' | append: (1..999999999999) }}",
    "a range in a case": "{% case 1 %}{% when (1..999999999999) %}{% endcase %}",
    "a range in a cycle": "{% cycle (1..999999999999), 2 %}",
    "a range in a tablerow": "{% tablerow i in (1..999999999) cols:2 %}{% endtablerow %}",
    "a range in a loop's limit": "{% for i in contact.tags limit: (1..999999999999) %}{% endfor %}",
    "a range in a liquid tag": "{% liquid for i in (1..99999999999)\n echo i\n endfor %}",
    "replace grows": f"{{{{ '{'a' * 600}' | replace: 'a', '{'b' * 600}' | replace: 'b', '{'c' * 600}' }}}}",
    "replace of nothing": "{{ contact.notes | replace: '', contact.notes }}",
    "append doubles": "{% assign a = 'xxxxxxxxxx' %}" + loops(1, "{% assign a = a | append: a %}"),
    "capture doubles": "{% assign a = 'xxxxxxxxxx' %}" + loops(1, "{% capture a %}{{ a }}{{ a }}{% endcapture %}"),
    "concat doubles": "{% assign a = 'a,b' | split: ',' %}" + loops(1, "{% assign a = a | concat: a %}"),
    "numbers double": "{% assign a = 9 %}" + loops(1, "{% assign a = a | times: a %}"),
    "a number of many digits": "{{ contact.huge | times: contact.huge }}",
    "a power of ten": "{{ '1e999999999' | plus: 1 }}{{ '1e999999999' | floor }}",
    "a sum of powers of ten": "{{ '1e999999999,1' | split: ',' | sum }}",
    "split of everything": "{{ contact.notes | split: '' | sort | uniq | join: contact.notes }}",
    "uniq is quadratic": loops(1, "{{ contact.many | uniq | size }}"),
    "uniq of pieces": "{% assign a = contact.tags | concat: contact.tags %}" + loops(1, "{{ a | uniq }}"),
    "join with a long separator": "{{ contact.tags | join: contact.notes }}",
    "loops inside loops": loops(3, "x"),
    "loops inside loops over data": loops(4, "x", "contact.tags"),
    "loops in a row": fill("{%for i in (1..1000)%}{%endfor%}"),
    "a heavy loop": loops(1, fill("{% if 1 == 2 %}{% endif %}", size=60_000)),
    "a loop of long conditions": loops(1, fill("{% if " + "1 == 2 or " * 190 + "1 == 2 %}{% endif %}", size=60_000)),
    "a loop of filters": loops(1, fill("{{ contact.notes | upcase | size }}", size=60_000)),
    "a loop of searches": loops(1, fill("{% if contact.notes contains 'xy' %}{% endif %}", size=60_000)),
    "a loop of list searches": loops(1, fill("{% if contact.many contains 'xy' %}{% endif %}", size=60_000)),
    "a loop that throws away what it writes": loops(
        1, fill("{% ifchanged %}{{ contact.notes }}{% endifchanged %}", size=60_000)
    ),
    "a loop of captures": loops(1, fill("{% capture a %}{{ contact.notes }}{% endcapture %}", size=60_000)),
    "many names": "".join(f"{{% assign a{n} = contact.notes %}}" for n in range(1_500)),
    "output": fill("{{ contact.notes }}"),
    "date format": "{{ 0 | date: '" + "%c" * 900 + "' }}",
    "date padding": "{{ 0 | date: '%999999999d' }}",
    "date of a long text": "{{ contact.notes | date: '%Y' }}",
    "html of angle brackets": "{{ html | strip_html }}",
    "html of open comments": "{{ comments | strip_html }}",
    "html of open tags": "{{ tags | strip_html }}",
    "round to many places": "{{ 1.5 | round: 99999999999 }}{{ 15 | round: -99999999999 }}",
    "slice far away": "{{ contact.notes | slice: -99999999999999999999, 99999999999999999999 }}",
    "truncate far away": "{{ 'a' | truncate: 99999999999999999999 }}{{ 'a' | truncatewords: 2147483647 }}",
    "too large": "x" * (KIB64 + 1),
    "nested blocks": "{% if 1 %}" * 3_000 + "{% endif %}" * 3_000,
    "nested paths": "{{ " + "a[" * 600 + "b" + "]" * 600 + " }}",
    "parser: open outputs": fill("{{"),
    "parser: open output of spaces": "{{" + " " * 60_000,
    "parser: output of spaces": "{{" + " " * 60_000 + "}}",
    "parser: tag of spaces": "{% if" + " " * 60_000 + "%}",
    "parser: open tags": fill("{%a "),
    "parser: open raw": fill("{% raw %}"),
    "parser: open raw in a comment": "{% comment %}" + fill("{% raw %}", size=60_000),
    "parser: raw with a word": "{% comment %}{% raw x %}" + fill("{{", size=60_000) + "{% endraw %}{% endcomment %}",
    "parser: braces inside a nameless tag": fill("{% ! " + "{{" * 900 + " %}"),
    "parser: nameless tags": fill("{%%}"),
    "parser: parentheses": fill("{{ " + "(" * 1_990 + " }}"),
    "parser: brackets": fill("{{ a" + '["a"' * 490 + " }}"),
    "parser: quotes": fill("{{ " + "'\"" * 990 + " }}"),
    "parser: many small tags": fill("{%if a%}{%endif%}"),
    "parser: dots": fill("{{ a" + ".a" * 990 + " }}"),
}


def main() -> None:
    """Check and render every attack in both modes, within bounds that the kernel holds."""
    resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))
    resource.setrlimit(resource.RLIMIT_CPU, (90, 90))
    templates = LiquidTemplates()
    for name, source in ATTACKS.items():
        began = time.perf_counter()
        checked = templates.check(source)
        outcomes = []
        for html in (False, True):
            try:
                outcomes.append(f"{len(templates.render(source, VARIABLES, html=html))} characters")
            except StepFailed as refused:
                outcomes.append(refused.detail)
        unsafe = any(problem.unsafe for problem in checked.problems)
        took = time.perf_counter() - began
        line = {"name": name, "unsafe": unsafe, "work": checked.work, "outcomes": outcomes, "took_s": took}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
