"""How what happened is told to people: entry decisions, visits and ends in words."""

from __future__ import annotations

from collections.abc import Mapping

DECISIONS: Mapping[str, str] = {
    "enrolled": "entered",
    "no_record": "did not enter: the record is missing or deleted, or the bound record is not associated with it",
    "loop_stopped": "did not enter: workflows were triggering each other in a circle",
    "duplicate_event": "did not enter: this event was counted before",
    "workflow_off": "did not enter: the workflow is turned off",
    "workflow_paused": "did not enter: the workflow is paused",
    "already_active": "did not enter: it is in the workflow already with another bound record",
    "absorbed_update": "was in the workflow already: its run was told to look again",
    "re_entry_off": "did not enter: it has been in the workflow before",
    "suppressed": "did not enter: the suppression condition holds",
    "goal_already_met": "did not enter: a goal is reached already",
    "exit_already_met": "did not enter: the exit condition holds already",
    "tried_again": "was waiting to be tried again, and is tried at once",
}

ENDS: Mapping[str, str] = {
    "completed": "went through to the end",
    "goal": "reached a goal",
    "suppressed": "left: the suppression condition came true",
    "exit_condition": "left: the exit condition came true",
    "no_longer_matches": "left: what let it in no longer holds",
    "replied": "left: it replied",
    "unenrolled": "was taken out by hand",
    "removed_by_workflow": "was taken out by a workflow",
    "record_deleted": "left: the record was deleted",
    "record_merged": "left: the record was merged into another",
    "bound_record_gone": "left: the bound record is gone",
    "workflow_deleted": "left: the workflow was deleted",
    "failed": "stopped at a step that failed",
}

MAILS: Mapping[str, str] = {
    "reply": "answered by email",
    "sent_by_user": "was written to by a user",
    "automatic": "a program answered by email",
    "bounced": "an email bounced",
    "soft_bounced": "an email came back, the address may be good",
    "complained": "complained about an email",
    "report": "a mail server reported on an email",
    "other": "somebody else wrote about an email",
    "unmatched": "wrote an email",
}

STATES: Mapping[str, str] = {
    "subscribed": "subscribed to",
    "unsubscribed": "unsubscribed from",
    "not_specified": "no longer specified for",
}

EFFECTS: Mapping[str, str] = {
    "handed_over": "it was handed over, and no answer came yet",
    "retry": "the other side does not take it now: it is tried again",
    "accepted": "it was accepted",
    "refused": "it was refused for good",
    "failed": "it was given up",
    "unknown": "nobody knows whether it arrived",
}

RUN_WAS = "its run was "
"""How the detail of an end begins that no step caused: what became of the run in Temporal follows."""

SKIPS: Mapping[str, str] = {
    "no_address": "there is no address",
    "invalid_address": "the address is not valid",
    "not_marketing_contact": "the contact is not a marketing contact",
    "not_subscribed": "the contact never subscribed to it",
    "unsubscribed": "the contact unsubscribed from it",
    "bounced": "mail to this address bounced",
    "complained": "the contact complained about our mail",
    "no_consent": "nobody agreed to it",
    "frequency_cap": "the contact was sent enough for now",
    "sms_opted_out": "the contact wants no text messages",
    "skipped_past": "its time had passed",
    "skip_sends": "messages are passed by where the date before them is past or missing",
    "disabled": "the step is switched off",
    "no_record": "there is no such associated record",
    "no_owner": "there is no owner",
    "no_user": "there is no user to tell",
    "no_date": "there is no date",
    "already_done": "it was done before",
}


def tell_decision(decision: str, detail: str | None) -> str:
    """An entry decision as half a sentence about the record."""
    words = DECISIONS.get(decision, decision.replace("_", " "))
    return _with(words, detail if decision in ("goal_already_met", "loop_stopped", "re_entry_off") else None)


def tell_end(reason: str | None, detail: str | None) -> str | None:
    """Why an enrollment ended, as half a sentence about it; None while it is active."""
    if reason is None:
        return None
    if reason == "failed" and detail is not None and detail.startswith(RUN_WAS):
        return f"stopped: {detail}"
    if reason == "replied" and detail is not None:
        return _with(ENDS[reason], f"to message {detail}")
    return _with(ENDS.get(reason, reason.replace("_", " ")), detail)


def tell_reply(channel: str, step: str) -> str:
    """What somebody answered: ``the email of step hello``. What it said is for those who may read messages."""
    return f"the {channel} of step {step}"


def tell_effect(state: str) -> str:
    """What the ledger says of an effect, as a sentence about it."""
    return EFFECTS.get(state, state.replace("_", " "))


def tell_mail(kind: str, subject: str) -> str:
    """A mail that came in: ``answered by email: Re: Hello``."""
    words = MAILS.get(kind, kind.replace("_", " "))
    return f"{words}: {subject}" if subject else words


def tell_merge(object: str, record_id: str, *, into: bool = False) -> str:
    """Which record became one with this one; ``into``: which one it became."""
    return f"merged into the {object} {record_id}" if into else f"the {object} {record_id} was merged into it"


def tell_subscriptions(states: Mapping[str, str]) -> str:
    """What a record agreed to: ``subscribed to newsletter, unsubscribed from offers``."""
    return ", ".join(f"{STATES.get(state, state)} {slug}" for slug, state in sorted(states.items()))


def tell_visit(outcome: str | None, reason: str | None, detail: str | None) -> str:
    """What became of a visit; ``outcome`` None means the record still stands there."""
    match outcome:
        case None:
            return _with("waiting", detail)
        case "skipped" if reason == "skipped_past" and detail:
            return f"skipped: its time, {detail}, had passed"
        case "skipped":
            return _with(f"skipped: {SKIPS.get(reason or '', (reason or 'no reason').replace('_', ' '))}", detail)
        case "failed":
            return _with(f"failed: {(reason or 'unknown').replace('_', ' ')}", detail)
        case "left" if reason == "by_hand":
            return "moved elsewhere by hand"
        case "left" if reason == "new_version":
            return "taken elsewhere by a new version"
        case "done" if reason == "past" and detail:
            return f"went on at once: its time, {detail}, had passed"
        case "done" if reason == "missing":
            return "went on at once: there is no date"
        case "done" if reason == "by_hand":
            return "skipped by hand"
        case "done" if reason == "timed_out":
            return _with("timed out", detail)
        case "left":
            return f"left here: {ENDS.get(reason or '', reason or 'the enrollment ended').removeprefix('left: ')}"
    return _with(outcome, detail)


def _with(words: str, detail: str | None) -> str:
    # Some details say the same in the same words.
    return f"{words} ({detail})" if detail and not words.endswith(detail) else words
