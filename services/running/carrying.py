"""What a message carries besides its content: the way to unsubscribe, and what tells whether it was read."""

from __future__ import annotations

from html import escape

from domain.links import Link
from domain.ports import Mail
from domain.tracked_html import PIXEL, before_end, with_tracked_links
from services.installation import Installation
from services.links import PATHS, address_of_link
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
        html = before_end(html, FOOTER.format(address=escape(address)))
    if address not in text:
        text = f"{text.rstrip()}\n\nUnsubscribe: {address}\n"
    return mail.model_copy(update={"headers": headers, "html": html, "text": text})


def with_tracking(inst: Installation, account: Account, mail: Mail, *, opens: bool, clicks: bool) -> Mail:
    """A message whose links lead through us, and that tells when it is shown. Its text is left as it is."""
    html, links = mail.html, mail.links
    if clicks:
        # To unsubscribe must work whatever becomes of the rest.
        own = f"{inst.public_url}{PATHS['unsubscribe']}"

        def address_of(index: int) -> str:
            return address_of_link(inst, account, Link(purpose="click", key=mail.key, index=index))

        html, links = with_tracked_links(html, address_of, lambda url: url.startswith(own))
    if opens:
        address = address_of_link(inst, account, Link(purpose="open", key=mail.key))
        html = before_end(html, PIXEL.format(address=escape(address)))
    return mail.model_copy(update={"html": html, "links": links})
