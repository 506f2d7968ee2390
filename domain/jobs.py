"""Long work as the engine speaks of it: its kinds, where it stands, and what its run is told."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from domain.base import Wire

JobKind: TypeAlias = Literal["import", "enrollment", "unenrollment", "move", "retry"]
JobStatus: TypeAlias = Literal["queued", "running", "paused", "done", "failed", "cancelled"]

KINDS: tuple[JobKind, ...] = get_args(JobKind)
STATUSES: tuple[JobStatus, ...] = get_args(JobStatus)

TO_DO: tuple[JobStatus, ...] = ("queued", "running")
"""A page is to be worked on now."""

NOT_BEGUN: tuple[JobStatus, ...] = ("queued",)
"""No page was worked on yet."""

NOT_DONE: tuple[JobStatus, ...] = ("failed", "cancelled")
"""Over before it came to its end."""


class JobProgress(Wire):
    """How far a job is: ``cursor`` rows or records of ``total``, ``counts`` by outcome. Only ever grows."""

    status: JobStatus
    total: int
    cursor: int
    counts: dict[str, int] = {}

    @property
    def is_over(self) -> bool:
        """Whether no page is left to be worked on, for whatever reason."""
        return self.status in ("done", "failed", "cancelled")


class EnrollmentCall(Wire):
    """Asks for the next page of an enrollment job, from where the run believes it stands; None: wherever it stands.

    ``enrolled`` is how many had entered by then.
    """

    job_id: str
    cursor: int | None = None
    place: str | None = None
    enrolled: int | None = None


class EnrollmentProgress(JobProgress):
    """How far a job on many records is: ``cursor`` of its audience are done, ``place`` is where it goes on behind.

    ``rate_per_minute``: how many may enter a minute; None: as many as can.
    """

    place: str | None = None
    rate_per_minute: int | None = None

    @property
    def enrolled(self) -> int:
        """How many entered."""
        return self.counts.get("enrolled", 0)

    def pause_s(self, enrolled_before: int | None) -> float:
        """How long the next page has to wait for those who entered since ``enrolled_before``, in seconds.

        After a run was begun anew nobody knows when its last page was; a page's worth is waited for.
        """
        if self.rate_per_minute is None:
            return 0.0
        most = page_limit(self.rate_per_minute)
        entered = most if enrolled_before is None else self.enrolled - enrolled_before
        return min(entered, self.enrolled) * 60 / self.rate_per_minute

    def next_call(self, job_id: str) -> EnrollmentCall:
        """The question for the page after this one."""
        return EnrollmentCall(job_id=job_id, cursor=self.cursor, place=self.place, enrolled=self.enrolled)


PAGE = 100
"""Records decided about in one transaction; on SQLite nobody else writes meanwhile."""

PAGES_A_MINUTE = 6


def page_limit(rate_per_minute: int | None) -> int:
    """How many records a page may have: a slow job goes on in small steps rather than in a burst every minute."""
    return PAGE if rate_per_minute is None else max(1, min(PAGE, rate_per_minute // PAGES_A_MINUTE))
