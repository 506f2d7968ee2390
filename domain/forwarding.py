"""Whether a mail hands another one on: what somebody forwards is not what they answer.

Programs leave different signs: a header (Thunderbird), the mail itself as a part, or a word before the subject together
with a line above what is quoted. The word alone is nothing, as people begin subjects with it.
"""

from __future__ import annotations

import re
from email.message import Message

from domain.mail_parts import header, own_parts

_WORDS = r"(?:fwd?|wg|tr|rv|enc|i|vs|vb|doorst|videresend|pd|fs|wl|yt|enw)"
_ANSWERS = r"(?:re|aw|sv|antw|r|res|odp|vá|ynt|ref)"
"""What programs in other languages write for ``Fwd`` and ``Re``."""
_FORWARDED = re.compile(rf"^\s*(?:\[[^\]]*\]\s*)?{_WORDS}(?:\[\d+\])?\s*:", re.IGNORECASE)
_ANSWERED = re.compile(rf"^\s*(?:\[[^\]]*\]\s*)?{_ANSWERS}(?:\[\d+\])?\s*:", re.IGNORECASE)
_ABOVE = re.compile(
    r"^\W{0,5}(?:-{2,}\s*(?:forwarded message|original message|weitergeleitete nachricht|ursprüngliche nachricht|"
    r"message transféré|message d'origine|mensaje reenviado|mensaje original|messaggio inoltrato|"
    r"videresendt (?:melding|meddelelse)|doorgestuurd bericht)|begin forwarded message:|"
    r"anfang der weitergeleiteten nachricht:|début du message réexpédié)",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTED_HEADERS = re.compile(
    r"^\W{0,5}(?:from|von|de|da|fra|van|från)\s*:.+\n(?:.*\n){0,3}?"
    r"\W{0,5}(?:sent|date|gesendet|datum|envoyé|enviado|inviato|sendt|skickat|verzonden|dato)\s*:",
    re.IGNORECASE | re.MULTILINE,
)
MOST_MARKS = 10
_READ = 20_000


def is_forwarded(message: Message, text: str) -> bool:
    """Whether the mail hands another one on. ``text``: what is read of it."""
    if header(message, "X-Forwarded-Message-Id"):
        return True
    if not _FORWARDED.match(header(message, "Subject")):
        return False
    carried = any(part.get_content_type() == "message/rfc822" for part in own_parts(message))
    return carried or bool(_ABOVE.search(text[:_READ]) or _QUOTED_HEADERS.search(text[:_READ]))


def answers_forwarded(message: Message) -> bool:
    """Whether the mail answers one that was forwarded, by its subject: ``Re: Fwd: …``."""
    subject = header(message, "Subject")
    for _ in range(MOST_MARKS):
        answered = _ANSWERED.match(subject)
        if answered is None:
            return False
        subject = subject[answered.end() :]
        if _FORWARDED.match(subject):
            return True
    return False
