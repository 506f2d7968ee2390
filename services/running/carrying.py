"""What a message carries besides its content: the way to unsubscribe, and what tells whether it was read."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from domain.links import Link, reply_token
from domain.ports import Mail
from domain.tracked_html import PIXEL, before_end, with_tracked_links
from services.installation import Installation
from services.links import PATHS, address_of_link, link_keys
from store.schema import Account

ONE_CLICK = "List-Unsubscribe=One-Click"
"""RFC 8058: what a mail service sends to the address when its reader presses its button."""

LONGEST_REFERENCES = 800
"""Characters of the messages that one names as those it follows; a header has a longest line."""

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


def with_reply_address(inst: Installation, account: Account, mail: Mail) -> Mail:
    """A message whose answers come to us, where the installation has an address for them and its author named none.

    Reports of mail servers come there as well, where the installation takes them.
    """
    if not inst.reply_address or (mail.reply_to and not inst.takes_bounces):
        return mail
    token = reply_token(mail.key, link_keys(inst, account))
    local, _, domain = inst.reply_address.rpartition("@")
    ours = f"{local}+{token}@{domain}"
    bounce_to = ours if inst.takes_bounces else None
    return mail.model_copy(update={"reply_to": mail.reply_to or ours, "reply_token": token, "bounce_to": bounce_to})


def with_thread(mail: Mail, thread: Sequence[str]) -> Mail:
    """A message that mail programs show below those of ``thread``, oldest first.

    Ids that others made and no header holds (RFC 5322 3.6.4) are left out.
    """
    named = [f"<{each}>" for each in thread if each.isascii() and each.isprintable()]
    if not named:
        return mail
    # The first says which conversation it is, the last what is answered.
    while len(named) > 2 and len(" ".join(named)) > LONGEST_REFERENCES:
        del named[1]
    headers = {**mail.headers, "In-Reply-To": named[-1], "References": " ".join(named)}
    return mail.model_copy(update={"headers": headers, "thread": tuple(each[1:-1] for each in named)})


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
