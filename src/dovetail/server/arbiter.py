"""The arbiter: it forks workers, watches them, replaces them, and never touches a request.

One thread, one loop. Signal handlers only enqueue; the loop takes the signals, hears what workers
report, buries the dead, checks heartbeats and keeps the number of workers.

A *crew* is the set of workers of one generation. ``current`` serves. During a reload ``candidate``
boots beside it; once all of the candidate is ready it becomes the current one and the old crew is
told to finish. If any of the candidate fails it is let go, and nothing has changed. ``retired``
crews are finishing.

Replacements are forked from the crew's own generation: after a failed reload they use the old
settings. They still import the application from the files of today (unless it is preloaded), so a
replacement may meet the broken code as well; it is then tried again with growing delays while the
other workers go on serving.
"""

from __future__ import annotations

import math
import signal
import traceback
from collections import deque
from collections.abc import Callable, Sequence

from dovetail.server.channel import Failed, Message, Ready, Retire
from dovetail.server.crew import Crew, Generation, Member, Phase
from dovetail.server.deaths import describe_death
from dovetail.server.logs import Logs
from dovetail.server.offspring import BOOT_FAILED, ForkError, fork_worker
from dovetail.server.pidfile import PidFile, PidFileError, move_pidfile
from dovetail.server.scoreboard import Scoreboard, State
from dovetail.server.sockets import Listener
from dovetail.server.system import System

__all__ = ["BOOT_FAILED", "LOAD_FAILED", "Arbiter", "Generation", "PlanError"]

LOAD_FAILED = 4  # exit status: the application could not be loaded

LONGEST_SLEEP = 1.0
QUICK_SECONDS = 2.0  # between QUIT and KILL
ABORT_SECONDS = 5.0  # between ABRT and KILL: time to dump the stacks, on a busy machine too
REMINDER_SECONDS = 30.0  # a process stuck in the kernel outlives even KILL for a while
PAUSE_SECONDS = 2.0  # a loop that turns every second and was away for longer was paused itself
QUEUE_BOUND = 64

KEPT_SERVING = "the old generation keeps serving"


class PlanError(Exception):
    """A plan failed for a reason to tell the user; ``status`` is the exit status at the start."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class Arbiter:
    """The supervisor of all workers.

    ``plan(held)`` reads the settings and returns the :class:`Generation` to fork; it is called at
    the start and for every reload, and gets the listeners of the current generation so that those
    of unchanged addresses can be kept. It raises :class:`PlanError`, having closed what it opened.
    """

    def __init__(
        self,
        *,
        plan: Callable[[Sequence[Listener]], Generation],
        system: System,
        scoreboard: Scoreboard | None = None,
    ) -> None:
        self.plan = plan
        self.system = system
        self.scoreboard = Scoreboard() if scoreboard is None else scoreboard
        self.status = 0
        self.stopping = False
        self.candidate: Crew | None = None
        self.retired: list[Crew] = []
        self._queue: deque[int] = deque()
        self._reload_wanted = False
        self._number = 0
        self._pidfile: PidFile | None = None
        self._looked_at = self._woke_at = -math.inf
        self._handlers: dict[int, Callable[[], None]] = {
            signal.SIGTERM: self.handle_term,
            signal.SIGINT: self.handle_quit,
            signal.SIGQUIT: self.handle_quit,
            signal.SIGHUP: self.handle_hup,
            signal.SIGTTIN: self.handle_ttin,
            signal.SIGTTOU: self.handle_ttou,
            signal.SIGUSR1: self.handle_usr1,
            signal.SIGUSR2: self.handle_usr2,
        }

    def run(self) -> int:
        """Serve until told to stop; return the exit status.

        0 after a signal, 3 if a worker of the first generation does not boot, or the status it
        reports (4: the application could not be loaded). Raises what the first plan raises, and
        :class:`PidFileError`.
        """
        self.start()
        try:
            path = self.current.generation.settings.pidfile
            self._pidfile = move_pidfile(None, path, self.system.pid())
            self.system.catch(self._handlers, self.enqueue)
            while not self._finished():
                self.turn()
                if not self._finished():
                    self.system.wait([member.line for member in self._members()], self._sleep())
        finally:
            self._clean_up()
        return self.status

    def start(self) -> None:
        """Make the first plan; nothing is forked yet."""
        generation = self.plan(())
        self.current = Crew(self._next_number(), generation, generation.settings.workers)

    def turn(self) -> None:
        """Do all there is to do now."""
        self.take_signals()
        self.hear_workers()
        self.reap_dead()
        self.check_heartbeats()
        self.kill_overdue()
        self.judge_crews()
        self.keep_population()
        self.sweep()

    def enqueue(self, signum: int) -> None:
        """Note a signal for the loop. The same one twice is one order, except TTIN and TTOU."""
        counted = signum in (signal.SIGTTIN, signal.SIGTTOU)
        if signum not in self._queue or (counted and len(self._queue) < QUEUE_BOUND):
            self._queue.append(signum)

    @property
    def logs(self) -> Logs:
        """The logs of the generation that serves."""
        return self.current.generation.logs

    # Signals

    def take_signals(self) -> None:
        """Act on the signals that came since the last turn."""
        while self._queue:
            self._handlers[self._queue.popleft()]()

    def handle_term(self) -> None:
        """Stop gracefully: workers finish what they have, within ``graceful_timeout`` each."""
        if self.stopping:
            return
        self._begin_stop()
        patience = self.current.generation.settings.graceful_timeout
        self.logs.error.info("stopping; workers have %g s to finish", patience)
        for member in self._members():
            self._dismiss(member)

    def handle_quit(self) -> None:
        """Stop quickly, also while stopping gracefully."""
        self.logs.error.info("stopping quickly")
        self._stop_quickly()

    def handle_hup(self) -> None:
        """Reload, or once more after the reload that is under way."""
        if self.stopping:
            return
        if self.candidate is not None or not self.current.proven:
            self.logs.error.info("workers are still booting; the reload follows")
            self._reload_wanted = True
            return
        self._reload()

    def handle_ttin(self) -> None:
        """One worker more."""
        self._resize(+1)

    def handle_ttou(self) -> None:
        """One worker fewer, but not none."""
        self._resize(-1)

    def handle_usr1(self) -> None:
        """Reopen the log files, here and in all workers."""
        for crew in self._crews():
            crew.generation.logs.reopen()
        self.logs.error.info("log files reopened")
        for member in self._members():
            if member.phase is Phase.BOOTING:
                member.reopen = True  # it may not have its handlers yet
            else:
                self.system.kill(member.pid, signal.SIGUSR1)

    def handle_usr2(self) -> None:
        """Say that there is nothing behind this signal; its default would be death."""
        self.logs.error.warning("USR2 has no meaning here; send HUP to reload")

    def _resize(self, change: int) -> None:
        if self.stopping:
            return
        if self.current.target + change < 1:
            self.logs.error.info("one worker is the least; TTOU changes nothing")
            return
        self.current.target += change
        if self.candidate is not None:
            self.candidate.target = max(1, self.candidate.target + change)
        self.logs.error.info("workers: %d", self.current.target)

    # Reports of the workers

    def hear_workers(self) -> None:
        """Read what the workers have reported."""
        for member in self._members():
            self._hear(member)

    def _hear(self, member: Member) -> None:
        for message in member.line.receive():
            self._take_message(member, message)

    def _take_message(self, member: Member, message: Message) -> None:
        match message:
            case Ready() if member.phase is Phase.BOOTING and member.failure is None:
                self._welcome(member)
            case Failed() if member.phase is Phase.BOOTING:
                member.failure = message
                if not member.crew.proven:
                    text = f"worker {member.pid} could not boot: {message.message}"
                    self._condemn(member.crew, text, message.status)
            case Retire(reason) if member.phase is Phase.READY:
                self.logs.error.info("worker %d asks for a spare: %s", member.pid, reason)
                member.phase = Phase.TIRED

    def _welcome(self, member: Member) -> None:
        self.logs.error.info("worker %d ready", member.pid)
        member.phase = Phase.READY
        member.ready_at = self.system.monotonic()
        member.slot.set_state(State.READY)
        if member.reopen:
            self.system.kill(member.pid, signal.SIGUSR1)
        if member.spare_of is not None:
            self._dismiss(member.spare_of)

    # The dead

    def reap_dead(self) -> None:
        """Bury the workers that died. As process 1 we inherit strangers; they need no more."""
        # One by one: until it is waited for, a dead worker keeps its pid from being used again, so
        # that no signal meant for it can reach another process.
        for pid, code in self.system.reap():
            for member in self._members():
                if member.pid == pid:
                    self._bury(member, code)

    def _bury(self, member: Member, code: int) -> None:
        self._hear(member)  # its last words
        member.line.close()
        self.scoreboard.release(member.slot)
        member.crew.members.remove(member)
        member.crew.forget_spares_of(member)
        match member.phase:
            case Phase.STOPPING if code in (0, -signal.SIGTERM, -signal.SIGQUIT):
                self.logs.error.info("worker %d stopped", member.pid)
            case Phase.STOPPING:
                self.logs.error.info("worker %d %s", member.pid, describe_death(code))
            case Phase.BOOTING:
                self._mourn_unborn(member, code)
            case _:
                self._mourn(member, code)

    def _mourn_unborn(self, member: Member, code: int) -> None:
        crew, now = member.crew, self.system.monotonic()
        why = describe_death(code)
        if member.failure is not None:
            why = f"could not boot: {member.failure.message}"
        elif code >= 0:
            why += " while it booted"
        if not crew.proven:
            self._condemn(crew, f"worker {member.pid} {why}", BOOT_FAILED)
            return
        crew.backoff.fail(now)
        # The text is a message of its own, not an argument: it may be a traceback of many lines.
        delay = crew.backoff.remaining(now)
        self.logs.error.error(f"worker {member.pid} {why}\ntrying again in {delay:.0f} s")

    def _mourn(self, member: Member, code: int) -> None:
        crew, now = member.crew, self.system.monotonic()
        if member.is_young(now):
            crew.backoff.stumble(now)
        delay = crew.backoff.remaining(now)
        soon = f" in {delay:.0f} s" if delay else ""
        text = "worker %d %s; starting another%s"
        self.logs.error.warning(text, member.pid, describe_death(code), soon)

    # Heartbeats and deadlines

    def check_heartbeats(self) -> None:
        """Send ABRT to workers that are silent, or do not become ready."""
        now = self.system.monotonic()
        if now - self._looked_at > PAUSE_SECONDS:
            self._woke_at = now  # we slept, so they may have slept as well: count from here
        self._looked_at = now
        for member in self._members():
            if member.phase is not Phase.STOPPING and member.kill_at == math.inf:
                self._check(member, now)

    def _check(self, member: Member, now: float) -> None:
        if member.phase is Phase.BOOTING:
            bound = member.crew.boot_seconds
            if now - max(member.forked_at, self._woke_at) <= bound:
                return
            text = f"not ready within {bound:g} s; a longer timeout gives it more"
            member.failure = Failed(text, BOOT_FAILED)
        else:
            bound = member.crew.generation.settings.timeout
            if not bound or min(member.slot.age(now), now - self._woke_at) <= bound:
                return
            text = f"silent for more than {bound:g} s"
        self.logs.error.error("worker %d %s; aborting it", member.pid, text)
        member.slot.set_state(State.DRAINING)
        member.kill_at = now + ABORT_SECONDS
        self.system.kill(member.pid, signal.SIGABRT)

    def kill_overdue(self) -> None:
        """Send KILL to workers whose time to stop is over."""
        now = self.system.monotonic()
        for member in self._members():
            if now >= member.kill_at:
                self.logs.error.warning("worker %d did not stop in time; killing it", member.pid)
                member.kill_at = now + REMINDER_SECONDS
                self.system.kill(member.pid, signal.SIGKILL)

    # Generations

    def judge_crews(self) -> None:
        """Let a complete new crew take over, and start the next reload if one was asked for."""
        if self.stopping:
            return
        crew = self.candidate or self.current
        if not crew.proven and crew.complete:
            crew.proven = True
            if crew is self.candidate:
                self._promote(crew)
            self.system.notify("READY=1")
        if self._reload_wanted and self.candidate is None and self.current.proven:
            self._reload_wanted = False
            self._reload()

    def _reload(self) -> None:
        self.logs.error.info("reloading")
        stamp = f"MONOTONIC_USEC={self.system.monotonic() * 1e6:.0f}"
        self.system.notify("RELOADING=1", stamp)
        try:
            generation = self.plan(self.current.generation.listeners)
        except (Exception, SystemExit) as error:
            # A configuration file is a program too: nothing it raises may stop the server.
            text = str(error) if isinstance(error, PlanError) else traceback.format_exc().rstrip()
            self.logs.error.error(f"reload failed: {text}\n{KEPT_SERVING}")
            self.system.notify("READY=1")
            return
        if generation.settings.preload_app:
            self.logs.error.info(
                "the application is preloaded: its code stays, and only a restart renews it"
            )
        self.candidate = Crew(self._next_number(), generation, generation.settings.workers)

    def _promote(self, crew: Crew) -> None:
        old, self.current, self.candidate = self.current, crew, None
        self.retired.append(old)
        self.logs.error.info("reloaded; the old workers finish what they have")
        for member in list(old.members):
            self._dismiss(member)
        path = crew.generation.settings.pidfile
        try:
            self._pidfile = move_pidfile(self._pidfile, path, self.system.pid())
        except PidFileError as error:
            self.logs.error.error("%s; the old pid file stays", error)

    def _condemn(self, crew: Crew, text: str, status: int) -> None:
        """Give up a crew that has never been complete. ``text`` may have many lines."""
        if crew is self.candidate:
            self.logs.error.error(f"reload failed: {text}\n{KEPT_SERVING}")
            self.candidate = None
            self.retired.append(crew)
            # Some of them may be ready and serve requests already: they finish those.
            for member in list(crew.members):
                self._dismiss(member)
            self.system.notify("READY=1")
        elif not self.stopping:
            self.logs.error.error(text)
            self.status = status
            self._stop_quickly()

    def sweep(self) -> None:
        """Close what belonged to crews whose last worker is gone."""
        for crew in [crew for crew in self.retired if not crew.members]:
            self.retired.remove(crew)
            crew.close_unshared(self._crews())

    # Population

    def keep_population(self) -> None:
        """Fork what is missing, stop what is too much."""
        for crew in (self.current, self.candidate):
            if crew is not None and not self.stopping:
                self._keep(crew)

    def _keep(self, crew: Crew) -> None:
        staff = crew.staff()
        for member in staff[: max(0, len(staff) - crew.target)]:
            self._dismiss(member)
        if crew.backoff.remaining(self.system.monotonic()):
            return
        wanted: list[Member | None] = [None] * (crew.target - len(staff))
        for tired in [*wanted, *crew.waiting_for_spare()]:
            if not self._fork(crew, spare_of=tired):
                return

    def _fork(self, crew: Crew, spare_of: Member | None) -> bool:
        try:
            fork_worker(self.system, self.scoreboard, crew, crews=self._crews(), spare_of=spare_of)
        except ForkError as error:
            text = f"cannot fork a worker: {error}"
            if not crew.proven:
                self._condemn(crew, text, BOOT_FAILED)
                return False
            now = self.system.monotonic()
            crew.backoff.fail(now)
            self.logs.error.error("%s; trying again in %.0f s", text, crew.backoff.remaining(now))
            return False
        return True

    # Ends

    def _dismiss(self, member: Member, signum: int = signal.SIGTERM) -> None:
        """Tell a worker to stop, and bound how long that may take."""
        if signum == signal.SIGTERM and member.phase is Phase.STOPPING:
            return
        patience = member.crew.generation.settings.graceful_timeout
        if signum == signal.SIGQUIT:
            patience = min(patience, QUICK_SECONDS)
            if member.phase is Phase.BOOTING:
                signum = signal.SIGTERM  # without a handler yet, QUIT would leave a core file
        member.phase = Phase.STOPPING
        member.slot.set_state(State.DRAINING)
        member.kill_at = min(member.kill_at, self.system.monotonic() + patience)
        member.crew.forget_spares_of(member)
        self.system.kill(member.pid, signum)

    def _begin_stop(self) -> None:
        if not self.stopping:
            self.stopping = True
            self.system.notify("STOPPING=1")
            # Each worker takes what waits to be accepted, and closes its own copies. With ours
            # open, the kernel would go on queueing clients that nobody serves, and reset them in
            # the end; now they are refused, and know at once that they must look elsewhere.
            self._close_listeners()

    def _stop_quickly(self) -> None:
        self._begin_stop()
        for member in self._members():
            self._dismiss(member, signal.SIGQUIT)

    def _finished(self) -> bool:
        return self.stopping and not self._members()

    def _clean_up(self) -> None:
        for member in self._members():
            member.line.close()
        self._close_listeners()
        if self._pidfile is not None:
            self._pidfile.remove()
        self.system.release()

    def _close_listeners(self) -> None:
        for crew in self._crews():
            for listener in crew.generation.listeners:
                listener.close()

    # What there is

    def _crews(self) -> list[Crew]:
        serving = [self.current] if self.candidate is None else [self.current, self.candidate]
        return [*serving, *self.retired]

    def _members(self) -> list[Member]:
        return [member for crew in self._crews() for member in crew.members]

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _sleep(self) -> float:
        now = self.system.monotonic()
        soonest = min((member.kill_at for member in self._members()), default=math.inf)
        for crew in self._crews():
            if crew.backoff.remaining(now):
                soonest = min(soonest, crew.backoff.until)
        return max(0.0, min(LONGEST_SLEEP, soonest - now))
