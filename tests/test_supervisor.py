"""What `followthrough up` promises about its children, proved on real processes that do next to nothing."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from embedded import server
from keeper import CannotStart, Deaths, PartKeepsDying, Supervisor
from processes import AlreadyRunning, Birth, Child, LockFile, Program, birth_of, end_leftovers
from settings import Settings
from supervisor import (
    PortTaken,
    answers,
    check_port,
    commands_to_try,
    local_key,
    part,
    put_to_rest,
    where_to_look,
)

ROOT = Path(__file__).parent.parent
SLEEP = "import time; time.sleep(600)"


def python(name: str, code: str, *, stop_within_s: float = 5.0) -> Program:
    return Program(name, (sys.executable, "-S", "-c", code), stop_within_s=stop_within_s)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


def says_when_stopped(name: str, journal: Path) -> str:
    return (
        "import signal, sys, time\n"
        f"def stop(*_):\n    open({str(journal)!r}, 'a').write({name!r} + '\\n'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        f"open({str(journal)!r}, 'a').write({name + ' up'!r} + '\\n')\n"
        "time.sleep(600)\n"
    )


async def test_children_stop_in_the_opposite_order_of_their_start(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.touch()
    async with Supervisor(tmp_path, [].append) as supervisor:
        for name in ("temporal", "worker", "api"):
            await supervisor.start(python(name, says_when_stopped(name, journal)))
        await until(lambda: journal.read_text().count(" up") == 3)
    assert journal.read_text().split("\n")[-4:-1] == ["api", "worker", "temporal"]


async def test_a_child_that_dies_is_started_again_and_the_screen_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    async with Supervisor(tmp_path, said.append, first_pause_s=0.01) as supervisor:
        child = await supervisor.start(python("worker", SLEEP))
        first = child.birth
        assert first is not None
        os.kill(first.pid, signal.SIGKILL)
        await until(lambda: child.birth not in (None, first))
    assert said == ["worker ended (signal SIGKILL); starting it again in 0.01 s."]


async def test_five_deaths_within_a_minute_end_everything_with_the_last_lines(tmp_path: Path) -> None:
    said: list[str] = []
    async with Supervisor(tmp_path, said.append, first_pause_s=0.01) as supervisor:
        healthy = await supervisor.start(python("temporal", SLEEP))
        await supervisor.start(python("worker", "raise SystemExit('no such database')"))
        with pytest.raises(PartKeepsDying, match=r"(?s)worker died five times.*no such database"):
            await asyncio.wait_for(supervisor.until_beyond_help(), 30)
    assert len(said) == 4
    assert healthy.birth is None


async def test_a_child_that_cannot_be_started_again_counts_as_dying(tmp_path: Path) -> None:
    said: list[str] = []
    script = tmp_path / "worker.sh"
    script.write_text('#!/bin/sh\nrm "$0"\n')
    script.chmod(0o700)
    async with Supervisor(tmp_path, said.append, first_pause_s=0.01) as supervisor:
        await supervisor.start(Program("worker", (str(script),)))
        with pytest.raises(PartKeepsDying, match="worker died five times"):
            await asyncio.wait_for(supervisor.until_beyond_help(), 30)
    assert sum(line.startswith("worker cannot be started: ") for line in said) == 4


def test_deaths_long_ago_are_forgiven() -> None:
    deaths = Deaths(limit=5, within_s=60, first_pause_s=0.5)
    assert [deaths.another(at) for at in (0, 1, 2, 3)] == [0.5, 1, 2, 4]
    assert deaths.another(90) == 0.5
    assert [deaths.another(at) for at in (91, 92, 93, 94)] == [1, 2, 4, None]


async def test_a_child_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    code = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {SLEEP}"
    child = Child(python("worker", code, stop_within_s=0.2), tmp_path / "worker.log")
    await child.start()
    await until(lambda: child.last_lines() == ["deaf"])
    assert await child.stop() is False
    assert child.birth is None


async def test_children_lead_sessions_of_their_own_so_ctrl_c_reaches_only_the_supervisor(tmp_path: Path) -> None:
    child = Child(python("api", SLEEP), tmp_path / "api.log")
    await child.start()
    assert child.birth is not None
    assert os.getsid(child.birth.pid) == child.birth.pid != os.getsid(0)
    await child.stop()


def supervisor_that_vanishes(folder: Path) -> subprocess.Popen[str]:
    """A supervisor in a process of its own with two children; prints their pids, then waits to be killed."""
    code = (
        "import asyncio, pathlib, signal, sys\n"
        "import processes\n"
        "processes._end_with_parent = lambda parent: None\n"  # as on a system without that signal
        "from keeper import Supervisor\n"
        "async def main():\n"
        f"    async with Supervisor(pathlib.Path({str(folder)!r}), print) as s:\n"
        f"        for name in ('temporal', 'api'):\n"
        f"            c = await s.start(processes.Program(name, (sys.executable, '-S', '-c', {SLEEP!r})))\n"
        "            print(c.birth.pid, flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    return in_a_process_of_its_own(code)


def in_a_process_of_its_own(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)


async def test_a_new_start_ends_what_a_killed_one_left_behind(tmp_path: Path) -> None:
    with supervisor_that_vanishes(tmp_path) as former:
        assert former.stdout is not None
        pids = [int(former.stdout.readline()) for _ in range(2)]
        former.kill()
        former.wait()
    assert all(birth_of(pid) is not None for pid in pids)
    said: list[str] = []
    async with Supervisor(tmp_path, said.append):
        assert said == ["Ending 2 process(es) that an earlier start left behind."]
        assert [birth_of(pid) for pid in pids] == [None, None]


async def test_a_start_beside_a_living_one_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with Supervisor(tmp_path, [].append) as first:
        child = await first.start(python("api", SLEEP))
        with pytest.raises(AlreadyRunning, match="FOLLOWTHROUGH_DATA_DIR"):
            await Supervisor(tmp_path, [].append).__aenter__()
        assert child.birth is not None


async def test_a_pid_that_became_a_strangers_is_left_alone(tmp_path: Path) -> None:
    stranger = Child(python("stranger", SLEEP), tmp_path / "stranger.log")
    await stranger.start()
    assert stranger.birth is not None
    remembered = Birth(pid=stranger.birth.pid, started="another boot/1")
    (tmp_path / "lock").write_text(f'[{{"pid": {remembered.pid}, "started": "{remembered.started}"}}]')
    lock = LockFile(tmp_path / "lock")
    assert lock.acquire() == ()
    await end_leftovers([remembered], within_s=0.1)
    assert stranger.birth is not None
    lock.release()
    await stranger.stop()


def test_a_lock_file_that_a_crash_cut_short_names_nobody(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text('[{"pid": 1, "sta')
    lock = LockFile(tmp_path / "lock")
    assert lock.acquire() == ()
    lock.release()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
async def test_children_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    code = (
        "import asyncio, pathlib, sys\n"
        "from processes import Child, Program\n"
        "async def main():\n"
        f"    program = Program('api', (sys.executable, '-S', '-c', {SLEEP!r}))\n"
        f"    c = Child(program, pathlib.Path({str(tmp_path)!r}) / 'log')\n"
        "    await c.start(); print(c.birth.pid, flush=True); await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    with in_a_process_of_its_own(code) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    await until(lambda: birth_of(pid) is None)


async def test_a_log_that_grew_large_is_put_aside_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processes.LOG_SIZE_BYTES", 10)
    (tmp_path / "api.log").write_text("a long story\n")
    child = Child(python("api", "print('new')"), tmp_path / "api.log")
    await child.start()
    assert await child.ended() == 0
    assert child.last_lines() == ["new"]
    assert (tmp_path / "api.log.1").read_text() == "a long story\n"


async def test_a_step_of_the_start_that_fails_shows_its_last_lines(tmp_path: Path) -> None:
    async with Supervisor(tmp_path, [].append) as supervisor:
        with pytest.raises(CannotStart, match=r"(?s)migrate failed.*the database is newer than this code"):
            await supervisor.once(python("migrate", "raise SystemExit('the database is newer than this code')"))


def test_a_taken_port_is_an_error_that_names_the_setting() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"Port {port} is taken.*FOLLOWTHROUGH_API_PORT"):
            check_port("127.0.0.1", port, "FOLLOWTHROUGH_API_PORT")
    check_port("127.0.0.1", port, "FOLLOWTHROUGH_API_PORT")


async def test_an_api_that_never_answers_shows_its_last_lines(tmp_path: Path) -> None:
    child = Child(python("api", f"print('waiting for the database', flush=True); {SLEEP}"), tmp_path / "api.log")
    await child.start()
    await until(lambda: child.last_lines() != [])
    with pytest.raises(CannotStart, match="waiting for the database"):
        await answers("http://127.0.0.1:1/healthz", within_s=0.2, child=child)
    await child.stop()


async def test_a_step_of_the_start_is_killed_with_the_rest_when_somebody_hurries(tmp_path: Path) -> None:
    said: list[str] = []
    async with Supervisor(tmp_path, said.append) as supervisor:
        deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {SLEEP}"
        step = asyncio.create_task(supervisor.once(python("migrate", deaf, stop_within_s=60)))
        await until(lambda: (tmp_path / "logs" / "migrate.log").exists())
        await until(lambda: (tmp_path / "logs" / "migrate.log").read_text() == "deaf\n")
        step.cancel()
        supervisor.kill_all()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(step, 20)
    assert said == ["Killing what still runs: migrate."]


async def test_a_database_that_is_not_at_rest_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    settings = Settings(data_dir=tmp_path)
    (tmp_path / "temporal.db-wal").touch()
    await put_to_rest(settings, said.append)
    assert len(said) == 1
    assert "copy both or neither" in said[0]
    elsewhere = Settings(data_dir=tmp_path, temporal_address="temporal:7233", database_url="postgresql://u:p@host/d")
    await put_to_rest(elsewhere, said.append)
    assert len(said) == 1


def test_the_local_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    key = local_key(settings)
    assert key.startswith("ft_")
    assert local_key(settings) == key
    assert settings.local_key_file.stat().st_mode & 0o777 == 0o600


def test_a_part_reads_the_same_settings_as_the_supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data_dir=tmp_path, api_port=18080, temporal_port=17233, sample_mail_domains=("example.com",))
    environment = part("api", ["api"], settings).environment
    assert environment is not None
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Settings.read() == settings.model_copy(update={"bootstrap_key": Settings.read().bootstrap_key})


def test_the_temporal_server_keeps_its_history_in_the_data_folder(tmp_path: Path) -> None:
    command = server(Settings(data_dir=tmp_path), Path("/opt/temporal")).command
    assert str(tmp_path / "temporal.db") in command
    assert "FtWorkflow=Keyword" in command
    assert "FtVersion=Int" in command


def test_the_screen_tells_where_to_look(tmp_path: Path) -> None:
    shown = where_to_look(Settings(data_dir=tmp_path), has_sample=True)
    for expected in ("http://127.0.0.1:8080/docs", "http://127.0.0.1:8233", "ft_", str(tmp_path)):
        assert expected in shown
    assert "sample load" not in shown


def test_the_printed_line_carries_a_data_folder_that_is_not_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "my data").mkdir()
    assert "FOLLOWTHROUGH_DATA_DIR" not in where_to_look(Settings(), has_sample=True)
    other = where_to_look(Settings(data_dir=Path("my data")), has_sample=True)
    assert f" FOLLOWTHROUGH_DATA_DIR='{tmp_path / 'my data'}'\n" in other


def test_without_the_sample_nobody_of_it_is_suggested(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    shown = where_to_look(settings, has_sample=False)
    assert "olga" not in shown
    assert "quick-tour" not in shown
    assert "sample load" in shown


def test_messages_that_leave_are_not_looked_for_in_the_outbox(tmp_path: Path) -> None:
    mail, sms = SecretStr("smtp://mail.example.com:587"), SecretStr("twilio://SID:TOKEN@api.twilio.com")
    assert commands_to_try(Settings(data_dir=tmp_path, mail_url=mail), has_sample=True)[-1] == "outbox"
    assert commands_to_try(Settings(data_dir=tmp_path, mail_url=mail, sms_url=sms), has_sample=True)[-1] == "messages"


def test_the_commands_to_try_name_somebody_of_the_sample_and_stand_in_the_readme(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    people = (ROOT / "examples" / "data" / "contacts.csv").read_text()
    for command in commands_to_try(Settings(data_dir=tmp_path), has_sample=True):
        assert f".venv/bin/followthrough {command}" in readme
        for address in re.findall(r"\S+/email/(\S+)", command):
            assert address in people
