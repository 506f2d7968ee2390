"""What a transaction of a run may rely on once the gate let it through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from domain.anchors import anchor_instant
from domain.definition import Definition, Step
from domain.enrollments import Enrollment
from domain.facts import Facts
from domain.instants import local_date
from domain.messages import StepCall
from domain.metering import Meter
from domain.records import StoredRecord
from domain.zones import clock_zone
from services.versions import Content
from store.schema import Account


@dataclass(frozen=True, kw_only=True)
class Inside:
    """An enrollment that goes on, with everything locked and read as of this transaction."""

    enrollment: Enrollment
    content: Content
    facts: Facts
    record: StoredRecord
    bound: StoredRecord | None
    account: Account

    @property
    def definition(self) -> Definition:
        """The version the enrollment runs, with the live values of its workflow."""
        return self.content.definition

    @property
    def zone(self) -> str:
        """The IANA name of the zone its delays, windows and anchors are meant in."""
        return clock_zone(self.definition, self.account.timezone, self.facts.record)

    @property
    def since(self) -> date:
        """The day from which the round it is in counts (``domain.anchors``)."""
        stored = self.enrollment.round_since
        return date.fromisoformat(stored) if stored else local_date(self.enrollment.started_at, self.zone)

    @property
    def anchor_at(self) -> datetime | None:
        """The instant its anchored delays count from; None where there is no date, or no dated workflow."""
        anchor = self.definition.anchor
        return anchor_instant(anchor, self.facts, self.zone, since=self.since) if anchor is not None else None


@dataclass(frozen=True)
class Metered:
    """What counts the step, and the clock of this process when its call was let in."""

    meter: Meter
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Passed(Inside):
    """The same, at the step a call is about."""

    call: StepCall
    step: Step
    metered: Metered | None = None
