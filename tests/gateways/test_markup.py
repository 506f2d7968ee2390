"""HTML of emails: what MJML becomes or why it does not, styles in elements, and nothing that ends the process."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from domain.errors import StepFailed
from gateways.markup import EmailMarkup
from gateways.nesting import DEEPEST

MARKUP = EmailMarkup()


def mjml(inside: str) -> str:
    return f"<mjml>\n<mj-body>\n<mj-section><mj-column>\n{inside}\n</mj-column></mj-section>\n</mj-body></mjml>"


def test_mjml_becomes_html_and_keeps_its_templates() -> None:
    rows = "<mj-table>{% for i in (1..3) %}<tr><td>{{ i }}</td></tr>{% endfor %}</mj-table>"
    made = MARKUP.mjml(mjml(f"<mj-text>Hi {{{{ contact.first_name | default: 'you' }}}}<br>bye</mj-text>{rows}"))
    assert made.problems == ()
    assert "Hi {{ contact.first_name | default: 'you' }}" in made.html
    assert "{% for i in (1..3) %}<tr><td>{{ i }}</td></tr>{% endfor %}" in made.html
    assert "http" not in made.html.replace("http://www.w3.org", "").replace("http-equiv", "")


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        ("<mj-txt>x</mj-txt>", ["Line 4: there is no tag mj-txt; did you mean 'mj-text'?"]),
        ("<mj-text>x", ["Line 4: mj-text is not closed"]),
        ("<mj-text>x\n<p>y</mj-text>", ["Line 5: p is not closed"]),
        ("x</mj-text>", ["Line 4: mj-text is closed but not open"]),
        ("<mj-text>x</mj-text>\n<mj-x/>\n<mj-y/>", ["Line 5: there is no tag mj-x", "Line 6: there is no tag mj-y"]),
        ("<mj-include path='/etc/passwd' />", ["Line 4: mj-include is not possible: an email stands for itself"]),
        ("<mj-style inline='inline'>p {}</mj-style>", ["Line 4: mj-style cannot be inline"]),
        ("<mj-text>{% if contact.score < 3 %}x{% endif %}</mj-text>", ["Line 4: MJML takes the < of {% if"]),
    ],
)
def test_a_mistake_in_mjml_is_told_with_its_line(inside: str, told: list[str]) -> None:
    made = MARKUP.mjml(mjml(inside))
    assert made.html == ""
    assert len(made.problems) == len(told)
    assert all(
        problem.message.startswith(words) for problem, words in zip(made.problems, told, strict=True)
    ), made.problems  # fmt: skip


@pytest.mark.parametrize("source", ["", "hello", "<p>x</p>", "<mjml></mjml>", "<mjml><mj-body>", "\ud800<mjml>"])
def test_what_is_no_mjml_is_told_so(source: str) -> None:
    assert MARKUP.mjml(source).problems


@pytest.mark.parametrize("element", ["div", "mj-section", "b", "svg"])
def test_elements_too_deep_in_each_other_never_reach_the_native_code(element: str) -> None:
    deep = f"<{element}>" * 8_000 + f"</{element}>"
    (problem,) = MARKUP.mjml(mjml(deep)[-60_000:]).problems
    assert "too deep" in problem.message
    with pytest.raises(StepFailed, match="deep"):
        MARKUP.inlined("<style>p {color: red}</style>" + f"<{element}>" * 20_000)
    assert MARKUP.inlined("<style>p {color: red}</style>" + "<div>" * (DEEPEST - 1) + "x")


def test_styles_go_into_the_elements_and_what_only_a_sheet_can_say_stays() -> None:
    html = "<style>p{color:red}@media (max-width:600px){p{color:blue}}</style><p>a &amp; <b>b</b></p>"
    made = MARKUP.inlined(html)
    assert '<p style="color: red;">a &amp; <b>b</b></p>' in made
    assert "@media (max-width:600px){p{color:blue}}" in made
    assert MARKUP.inlined("<p>{{ x }} as it is") == "<p>{{ x }} as it is"


def test_styles_that_would_take_minutes_are_refused() -> None:
    for rule, times in (("* {color: red}", 20_000), ("b:not(:not(b)) ~ * {color: red}", 300)):
        with pytest.raises(StepFailed, match="too many styles"):
            MARKUP.inlined(f"<style>{rule * times}</style>" + "<b>x</b>" * 5_000)


@pytest.fixture
def visited() -> Iterator[tuple[str, list[str]]]:
    """An address on this machine, and the paths somebody asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"p {color: green}")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/a.css", paths
    server.shutdown()
    thread.join()
    server.server_close()


def test_no_style_sheet_is_fetched_from_an_address_or_a_file(visited: tuple[str, list[str]], tmp_path: Path) -> None:
    address, paths = visited
    sheet = tmp_path / "a.css"
    sheet.write_text("p {color: green}")
    for href in (address, str(sheet), sheet.as_uri()):
        html = f'<link rel="stylesheet" href="{href}"><style>@import url("{href}"); b {{color: blue}}</style><p>x</p>'
        assert "green" not in MARKUP.inlined(html)
    assert paths == []
    include = MARKUP.mjml(mjml(f'<mj-raw><link rel="stylesheet" href="{address}"></mj-raw>'))
    assert include.problems == ()
    assert paths == []


def test_the_text_of_mjml_is_what_its_reader_sees() -> None:
    table = "<mj-table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></mj-table>"
    body = mjml(f"<mj-text>Hi <b>you</b></mj-text><mj-button href='https://example.com/a'>Go</mj-button>{table}")
    made = MARKUP.mjml(body.replace("<mj-body>", "<mj-head><mj-preview>Beside</mj-preview></mj-head><mj-body>"))
    assert "Beside" in made.html
    assert MARKUP.text(made.html) == "Hi you\n\nGo (https://example.com/a)\n\na b\nc d"
