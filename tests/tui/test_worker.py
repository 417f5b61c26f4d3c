"""The thread that owns the session: reads, pauses, loses, reopens, closes. Tests wait for its events."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

import pytest
import unidbg_tui
from unidbg_tui import worker as worker_module
from unidbg_tui.app import UnidbgApp
from unidbg_tui.source import Broken, Event, Lost, Opened, SessionLike, Taken
from unidbg_tui.worker import SessionWorker

from tests.tui.recorded import NAMES, RecordedSession
from unidbg.errors import TargetGone
from unidbg.session import Session

DEADLINE_S = 20.0


class Heard:
    """What the worker posted."""

    def __init__(self) -> None:
        self._events: queue.Queue[Event] = queue.Queue()
        self.threads: set[int] = set()

    def post(self, event: Event) -> None:
        self.threads.add(threading.get_ident())
        self._events.put(event)

    def until(self, kind: type) -> Event:
        """The next event of `kind`."""
        while True:
            event = self._events.get(timeout=DEADLINE_S)
            if isinstance(event, kind):
                return event


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "REOPEN_SECONDS", 0.01)


@pytest.fixture
def start() -> Iterator[Callable[..., tuple[SessionWorker, Heard]]]:
    started: list[SessionWorker] = []

    def make(factory: Callable[[], RecordedSession], period: float = 0.001) -> tuple[SessionWorker, Heard]:
        worker = SessionWorker(factory, period=period)
        started.append(worker)
        worker.start()
        return worker, Heard()

    yield make
    for worker in started:
        worker.stop()
        worker.join(DEADLINE_S)
        assert not worker.is_alive()


Start = Callable[..., tuple[SessionWorker, Heard]]


def test_it_opens_reads_and_closes_on_one_thread(start: Start) -> None:
    session = RecordedSession()
    worker, heard = start(lambda: session)
    assert worker.wait_opened() == NAMES
    worker.connect(heard.post)
    assert isinstance(heard.until(Opened), Opened)
    heard.until(Taken)
    heard.until(Taken)
    worker.stop()
    worker.join(DEADLINE_S)
    assert session.closed
    assert len(heard.threads) == 1
    assert threading.get_ident() not in heard.threads


def test_an_error_of_the_first_opening_is_raised_to_the_caller(start: Start) -> None:
    def refuse() -> RecordedSession:
        raise TargetGone("nobody listens on localhost:1")

    worker, _ = start(refuse)
    with pytest.raises(TargetGone, match="nobody listens"):
        worker.wait_opened()
    worker.join(DEADLINE_S)
    assert not worker.is_alive()


def test_a_bug_of_the_first_opening_is_raised_as_it_is(start: Start) -> None:
    def stumble() -> RecordedSession:
        raise ZeroDivisionError("a bug")

    worker, _ = start(stumble)
    with pytest.raises(ZeroDivisionError):
        worker.wait_opened()


def test_a_lost_guest_is_told_and_found_again(start: Start) -> None:
    sessions = [RecordedSession(gone_at=frozenset({2})), RecordedSession(first=10)]
    refusals = iter([False, True, True, False])

    def open_next() -> RecordedSession:
        if next(refusals):
            raise TargetGone("connection refused")
        return sessions.pop(0)

    first = sessions[0]
    worker, heard = start(open_next)
    worker.wait_opened()
    worker.connect(heard.post)
    lost = heard.until(Lost)
    assert isinstance(lost, Lost)
    assert "closed the line" in lost.reason
    refused = heard.until(Lost)
    assert isinstance(refused, Lost)
    assert "refused" in refused.reason
    heard.until(Opened)
    taken = heard.until(Taken)
    assert isinstance(taken, Taken)
    assert taken.moment.generation == 10
    assert first.closed


def test_a_bug_while_reading_is_handed_over_and_the_session_closed(start: Start) -> None:
    class Buggy(RecordedSession):
        def snapshot(self, names: object) -> object:  # type: ignore[override]
            raise ZeroDivisionError("a bug")

    session = Buggy()
    worker, heard = start(lambda: session)
    worker.wait_opened()
    worker.connect(heard.post)
    broken = heard.until(Broken)
    assert isinstance(broken, Broken)
    assert isinstance(broken.error, ZeroDivisionError)
    worker.join(DEADLINE_S)
    assert session.closed


def test_a_paused_worker_reads_only_when_asked(start: Start) -> None:
    session = RecordedSession()
    worker, heard = start(lambda: session, period=3600.0)
    worker.wait_opened()
    worker.pause(True)
    worker.connect(heard.post)
    heard.until(Taken)
    worker.refresh()
    heard.until(Taken)
    assert session.step == 2
    worker.pause(False)
    heard.until(Taken)


def test_a_dump_is_read_once_and_when_asked(start: Start) -> None:
    session = RecordedSession(alive=False)
    worker, heard = start(lambda: session)
    worker.wait_opened()
    worker.connect(heard.post)
    opened = heard.until(Opened)
    assert isinstance(opened, Opened)
    assert not opened.alive
    heard.until(Taken)
    worker.watch(("overview", "regs"))
    heard.until(Taken)
    assert session.step == 2


def test_a_new_view_is_read_at_once(start: Start) -> None:
    session = RecordedSession()
    worker, heard = start(lambda: session, period=3600.0)
    worker.wait_opened()
    worker.connect(heard.post)
    heard.until(Taken)
    worker.watch(("overview", "heap"))
    heard.until(Taken)
    assert session.asked[-1] == ("overview", "heap")


def test_a_shorter_period_takes_effect_while_it_waits(start: Start) -> None:
    session = RecordedSession()
    worker, heard = start(lambda: session, period=3600.0)
    worker.wait_opened()
    worker.connect(heard.post)
    heard.until(Taken)
    worker.set_period(0.001)
    worker.refresh()
    for _ in range(3):
        heard.until(Taken)


def test_a_guest_that_cannot_be_opened_is_told_before_the_screen_is_touched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> RecordedSession:
        raise TargetGone("nobody listens on localhost:1")

    monkeypatch.setattr(UnidbgApp, "run", lambda app, **options: pytest.fail("the screen was touched"))
    with pytest.raises(TargetGone, match="nobody listens"):
        unidbg_tui.run(refuse, url="localhost:1")


def test_leaving_closes_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    session = RecordedSession()
    monkeypatch.setattr(UnidbgApp, "run", lambda app, **options: None)
    assert unidbg_tui.run(lambda: session, url="localhost:1") == 0
    assert session.closed


def test_a_bug_of_the_worker_is_raised_once_the_screen_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(app: UnidbgApp, **options: object) -> None:
        app.broken = ZeroDivisionError("a bug")

    monkeypatch.setattr(UnidbgApp, "run", run)
    with pytest.raises(ZeroDivisionError):
        unidbg_tui.run(RecordedSession, url="localhost:1")


def as_source(session: Session) -> SessionLike:
    """The types agree: a session is what the worker owns."""
    return session


def test_the_guest_runs_longer_than_it_stands() -> None:
    worker = SessionWorker(RecordedSession, period=0.5)
    assert worker.rest_after(read_s=0.1, stood_ns=0) == pytest.approx(0.4)
    assert worker.rest_after(read_s=0.8, stood_ns=0) == 0.0
    assert worker.rest_after(read_s=2.0, stood_ns=1_000_000_000) == pytest.approx(3.0)
