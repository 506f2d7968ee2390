"""What a message carries besides its content, so that its reader can answer it: the way to unsubscribe."""

from __future__ import annotations

from html import escape

from domain.links import Link
from domain.ports import Mail
from services.installation import Installation
from services.links import address_of_link
from store.schema import Account

ONE_CLICK = "List-Unsubscribe=One-Click"
"""RFC 8058: what a mail service sends to the address when its reader presses its button."""

FOOTER = '<p style="font-size:12px;color:#555555"><a href="{address}" style="color:#555555">Unsubscribe</a></p>'


def unsubscribe_address(inst: Installation, account: Account, key: str) -> str:
    """Where the recipient of the message of an effect unsubscribes and chooses."""
    return address_of_link(inst, account, Link(purpose="unsubscribe", key=key))


def with_way_out(mail: Mail, address: str) -> Mail:
    """A marketing message with the headers that mail services show a button for.

    Where its author left the address out of the content, it is added at the end: who reads mail in another way must
    find it too.
    """
    headers = {**mail.headers, "List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": ONE_CLICK}
    html, text = mail.html, mail.text
    if address not in html and escape(address) not in html:
        html = _before_end(html, FOOTER.format(address=escape(address)))
    if address not in text:
        text = f"{text.rstrip()}\n\nUnsubscribe: {address}\n"
    return mail.model_copy(update={"headers": headers, "html": html, "text": text})


def _before_end(html: str, addition: str) -> str:
    """``html`` with something more at the end of what is seen."""
    lower = html.lower()
    for end in ("</body>", "</html>"):
        at = lower.rfind(end)
        if at >= 0:
            return html[:at] + addition + html[at:]
    return html + addition
