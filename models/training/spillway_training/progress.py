"""Progress on stderr, with the time left: a line that rewrites itself on a terminal, a line every 15 s in a log."""

from __future__ import annotations

import sys
import time

LOG_INTERVAL_SECONDS = 15.0
TERMINAL_INTERVAL_SECONDS = 0.5


def report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Progress:
    """Counts steps of one run; the steps before `done` were taken by an earlier run and tell nothing of speed."""

    def __init__(self, title: str, total: int, done: int = 0) -> None:
        self.title, self.total, self.done, self.first = title, total, done, done
        self.started = self.shown = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def restart_clock(self) -> None:
        """For time that went into something else since the counter was made."""
        self.started = self.shown = time.monotonic()

    def skip(self, steps: int) -> None:
        """For steps that an earlier run took: they tell nothing of speed."""
        self.done += steps
        self.first += steps

    def step(self, detail: str) -> None:
        self.done += 1
        now = time.monotonic()
        interval = TERMINAL_INTERVAL_SECONDS if self.terminal else LOG_INTERVAL_SECONDS
        if now - self.shown >= interval or self.done == self.total:
            self.shown = now
            self.show(f"{self.title}: {detail}, {format_duration(self.seconds_left(now))} left")

    def seconds_left(self, now: float) -> float:
        return (now - self.started) / (self.done - self.first) * (self.total - self.done)

    def show(self, line: str) -> None:
        if not self.terminal:
            report(line)
            return
        end = "\n" if self.done == self.total else ""
        print(f"\r\x1b[K{line}", end=end, file=sys.stderr, flush=True)


def format_duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
