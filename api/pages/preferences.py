"""The page on which the reader of a message chooses what to get: HTML without script, one form, one stylesheet."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

from services.intake.answering import Choice, Preferences

STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 0 auto; padding: 2rem 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
fieldset { border: 0; margin: 0; padding: 0; }
legend { font-weight: 600; padding: 0; }
.choice { display: flex; gap: .75rem; align-items: flex-start; padding: .75rem 0; border-bottom: 1px solid #8886; }
.choice input { width: 1.25rem; height: 1.25rem; margin: .15rem 0 0; flex: none; }
.words span { display: block; opacity: .8; }
.said { border: 2px solid #2e7d32; border-radius: .375rem; padding: .5rem .75rem; }
button { font: inherit; padding: .6rem 1.1rem; border-radius: .375rem; cursor: pointer; margin: 1.25rem .5rem 0 0; }
.main { background: #1d4ed8; color: #fff; border: 2px solid #1d4ed8; }
.other { background: none; color: inherit; border: 2px solid #888; }
button:focus-visible, input:focus-visible { outline: 3px solid #f59e0b; outline-offset: 2px; }
"""

HEADERS = {
    # The address is a secret of the reader: a search must not find it.
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
}

SAVED = "Your choice is saved."
NOBODY = "This is not saved: we keep nobody with this address any more, and send nothing to it."
ALL_OFF = "You get no more marketing email from us."
ONE_OFF = "You are unsubscribed."


def preference_page(shown: Preferences, *, said: str | None = None) -> HTMLResponse:
    """The page for one reader; ``said``: what was just done."""
    title = f"Email from {shown.sender}"
    parts = [f"<h1>{escape(title)}</h1>"]
    if said is not None:
        parts.append(f'<p class="said" role="status">{escape(said)}</p>')
    parts.append(f"<p>These choices are for <strong>{escape(shown.address)}</strong>.</p>")
    if shown.unsubscribed_from_all:
        parts.append("<p>You are unsubscribed from all marketing email. Tick what you want to get again.</p>")
    parts.append(_form(shown))
    return page(title, "\n".join(parts))


def lost_page() -> HTMLResponse:
    """What whoever comes with an address that is not ours is told."""
    words = "<h1>This link does not work</h1>\n<p>It may have been cut off. Please open it from the email again.</p>"
    return page("This link does not work", words, status=404)


def page(title: str, body: str, *, status: int = 200) -> HTMLResponse:
    """A page of this style; ``body`` is HTML already."""
    html = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        "</body>\n</html>\n"
    )
    return HTMLResponse(html, status, HEADERS)


def _form(shown: Preferences) -> str:
    if not shown.choices:
        boxes = ""
    else:
        rows = "\n".join(_row(choice, shown.unsubscribed_from_all) for choice in shown.choices)
        boxes = f"<fieldset>\n<legend>What would you like to get?</legend>\n{rows}\n</fieldset>\n"
    save = '<button class="main" name="action" value="save">Save</button>' if shown.choices else ""
    all_off = '<button class="other" name="action" value="all">Unsubscribe from all</button>'
    return f'<form method="post">\n{boxes}{save}{"" if shown.unsubscribed_from_all else all_off}\n</form>'


def _row(choice: Choice, all_off: bool) -> str:
    ticked = " checked" if choice.receives and not all_off else ""
    more = f"<span>{escape(choice.description)}</span>" if choice.description else ""
    return (
        # A type that is made while the page is open is none the reader decided about.
        f'<input type="hidden" name="shown" value="{escape(choice.slug)}">'
        f'<label class="choice"><input type="checkbox" name="type" value="{escape(choice.slug)}"{ticked}>'
        f'<span class="words">{escape(choice.name)}{more}</span></label>'
    )
