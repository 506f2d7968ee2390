"""What a run remembers of what it was told: enough to drop repetitions, and never more than that."""

from __future__ import annotations

from domain.messages import RecordChanged
from workflows.mailbox import REMEMBERED, Mailbox


def tell(mail: Mailbox, record: int, version: int) -> bool:
    """Whether the run has to look at a change."""
    mail.put(RecordChanged(id=f"{record}-{version}", record_id=f"record-{record}", version=version))
    return mail.take().changed


def test_an_older_version_of_a_record_is_no_news() -> None:
    mail = Mailbox(None)
    assert tell(mail, 1, version=2)
    assert not tell(mail, 1, version=1)


def test_a_run_that_hears_of_many_records_for_years_does_not_grow() -> None:
    mail = Mailbox(None)
    for record in range(3 * REMEMBERED):
        assert tell(mail, record, version=2)
        tell(mail, 0, version=record)
    assert len(mail.versions()) == REMEMBERED
    assert mail.versions()["record-0"] == 3 * REMEMBERED - 1, "who is heard of often is remembered longest"
