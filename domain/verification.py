"""What has no twin when ledger, messages, visits, enrollments and Temporal lie side by side, and what that means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from domain.base import Frozen

Odd: TypeAlias = Literal[
    "effect_without_message",
    "effect_without_visit",
    "effect_without_activity",
    "effect_without_file",
    "effect_never_answered",
    "message_without_effect",
    "message_says_otherwise",
    "visit_without_effect",
    "visit_says_otherwise",
    "activity_without_visit",
    "enrollment_without_run",
    "enrollment_of_ended_run",
    "run_of_ended_enrollment",
    "run_without_enrollment",
    "file_without_effect",
]


class Finding(Frozen):
    """One thing without its twin. ``what`` is its key or id; ``detail`` what is known of it; None: nothing."""

    odd: Odd
    what: str
    enrollment: str | None = None
    step: str | None = None
    detail: str | None = None


class Meaning(Frozen):
    """What a kind of finding says, and what somebody should do about it. ``mends``: what `verify --repair` does."""

    says: str
    do: str
    mends: str | None = None


_RESTORED = "If the database was restored from an earlier moment than Temporal, give it an empty one (docs/backup.md)."

MEANINGS: Mapping[Odd, Meaning] = {
    "effect_without_message": Meaning(
        says="the ledger says that a message was accepted, and no message is listed for it",
        do="The receiver has it and nobody sees it. Was a row of messages deleted by hand? Restore it from a backup.",
    ),
    "effect_without_visit": Meaning(
        says="the ledger has an effect of a visit that is not there",
        do="Reports count one less than left. Were visits deleted by hand? Restore them from a backup.",
    ),
    "effect_without_activity": Meaning(
        says="the ledger says that an effect was accepted, and the history of its run never asked for it",
        do="Compare the timeline with Temporal UI: something else than the run wrote it, or Temporal was restored.",
    ),
    "effect_without_file": Meaning(
        says="the ledger says that a message was accepted by the outbox, and there is no file of it",
        do="Files are written before the ledger says so: somebody moved or deleted it, or the folder is another one.",
    ),
    "effect_never_answered": Meaning(
        says="an effect was handed over longer ago than its attempt can live, and nobody wrote down what became of it",
        do="Are workers of its channel at work? The next attempt settles it, or housekeeping within the hour.",
        mends="calls it unknown where its step or its enrollment is over",
    ),
    "message_without_effect": Meaning(
        says="a message is listed as sent or arrived, and the ledger knows nothing of it",
        do="It may be sent again. Were rows of the ledger deleted by hand? Restore them before its run goes on.",
    ),
    "message_says_otherwise": Meaning(
        says="a message and its effect in the ledger contradict each other",
        do="The ledger is right. Correct the message by the state of its effect (followthrough effect show).",
        mends="has the message say what the ledger says",
    ),
    "visit_without_effect": Meaning(
        says="a step that acts outside counts as done, and the ledger has no effect of it",
        do="The report counts what may never have left. Look into the timeline and ask the receiver.",
    ),
    "visit_says_otherwise": Meaning(
        says="a step that is over and its effect in the ledger contradict each other",
        do="The ledger is right, the report counts by the step. Ask the receiver before anybody begins again there.",
        mends="has the step say what the ledger says, if its one effect came to an end",
    ),
    "activity_without_visit": Meaning(
        says="the history of a run has an activity that settled its step, and the visit is not there or still open",
        do=f"{_RESTORED} The run went on over a step that the database knows nothing of.",
    ),
    "enrollment_without_run": Meaning(
        says="an enrollment is active, and Temporal knows no run of it",
        do="Nobody carries it on. docs/operations.md, Runs that are not found, says what to do, in which order.",
        mends="starts the run again where the database says the enrollment stands",
    ),
    "enrollment_of_ended_run": Meaning(
        says="an enrollment is active, and its run is over",
        do="Housekeeping ends it as failed within the hours that a round over all enrollments takes.",
        mends="ends it as failed now",
    ),
    "run_of_ended_enrollment": Meaning(
        says="an enrollment ended, and its run is still open",
        do="It does nothing any more. Are workers of role runs at work? If so, cancel the run in Temporal UI.",
        mends="tells the run to end",
    ),
    "run_without_enrollment": Meaning(
        says="Temporal has a run of which the database knows no enrollment",
        do=f"{_RESTORED} Or two installations share one namespace: give each its own.",
    ),
    "file_without_effect": Meaning(
        says="the outbox has a file of which the ledger does not say that it was accepted",
        do="A message left that counts as not sent. Of an attempt under way it is settled by the next one.",
    ),
}


class Asked(Frozen):
    """An activity that a run asked for about one visit. ``settled``: it was answered that the step is over."""

    activity: str
    step: str
    n: int
    settled: bool


class History(Frozen):
    """What the history of a run asked for, oldest first.

    ``is_whole``: from the very start on. ``was_reset``: somebody had it begin again somewhere, which forgets what came
    after that.
    """

    asked: tuple[Asked, ...]
    is_whole: bool
    was_reset: bool
