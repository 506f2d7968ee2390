"""The activity of bulk enrollments: one page of the audience in one transaction, and the starts of whoever entered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio import activity

from activities.beating import beating
from activities.errors import translated
from domain import names
from domain.jobs import EnrollmentCall, EnrollmentProgress
from services.installation import Installation
from services.jobs.bulk_enrollment import enroll_page


def bulk_activities(inst: Installation) -> list[Callable[[EnrollmentCall], Awaitable[EnrollmentProgress]]]:
    """What the bulk worker registers for them."""

    @activity.defn(name=names.ENROLLMENT_PAGE)
    async def enrollment_page(call: EnrollmentCall) -> EnrollmentProgress:
        with translated():
            return await beating(enroll_page(inst, call))

    return [enrollment_page]
