"""How the email measurement reads what arrived and tells what it cost."""

from __future__ import annotations

import smtplib
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.emails import Round, told
from benchmarks.sink import Sink

SLOW = Round("Tryton", 1, 100.0, 1.0, 60.0, 0.0, 20.0, 2_000_000, 0, 0.01)
QUICK = replace(SLOW, side="Followthrough", seconds=50.0, own_cpu_s=30.0, server_cpu_s=50.0, server_bytes=4_000_000)


def test_one_run_tells_both_sides_and_their_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    told([QUICK, SLOW, replace(QUICK, workers=2)], 0.5)
    said = capsys.readouterr().out
    assert "ours/Tryton with 1: steps/s 2.00, own CPU 0.50, all CPU 1.25, database bytes 1.00, all bytes 3.00" in said
    assert "with 2:" not in said, "there is nothing to compare with"


def test_a_database_that_did_not_grow_has_no_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    told([QUICK, replace(SLOW, database_bytes=0)], 0.5)
    assert "database bytes -, all bytes -" in capsys.readouterr().out


def test_the_sink_counts_each_recipient_once_for_each_message(tmp_path: Path) -> None:
    with Sink(tmp_path) as sink, smtplib.SMTP("127.0.0.1", sink.port) as client:
        for person in ("kim@example.com", "bo@example.com", "kim@example.com"):
            client.sendmail("us@example.com", [person], "Subject: Hello\r\n\r\nHello")
        assert sink.look() == 3, "each was written down before it was taken"
        assert sink.recipients == {"kim@example.com": 2, "bo@example.com": 1}
        sink.clear()
        assert sink.look() == 0


def test_the_sink_leaves_half_a_line_for_the_next_look(tmp_path: Path) -> None:
    with Sink(tmp_path) as sink, (tmp_path / "arrivals").open("a") as arrivals:
        arrivals.write("1.5 kim@example.com\n2.5 bo@exam")
        arrivals.flush()
        assert sink.look() == 1
        arrivals.write("ple.com\n")
        arrivals.flush()
        assert sink.look() == 2
        assert sink.times == [1.5, 2.5]
