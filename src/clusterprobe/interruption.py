"""Ctrl-C, SIGTERM and SIGHUP: the first ends the work in an orderly way, and no later one breaks that off.

Kubernetes sends SIGTERM, a lost session SIGHUP, an impatient person Ctrl-C twice. pytest runs its finalizers for a
`KeyboardInterrupt` only, and a second one would break them off: objects of ours would stay in the cluster.
"""

from __future__ import annotations

import signal

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
AGAIN_SECONDS = 5  # the exception may have been swallowed, as one is that comes within a destructor
LIMIT_SECONDS = 120  # beyond what writing and cleaning up take: whoever sends a signal then ends the process at once


class Interruption:
    """What signals do to one run after another. A signal that was ignored from the start (nohup) stays so."""

    def __init__(self) -> None:
        self._heard = [one for one in SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
        self._raised = self._ending = False

    def listen(self) -> None:
        """From now on the first signal raises `KeyboardInterrupt` in the main thread."""
        self._alarm(0)
        self._raised = self._ending = False
        for one in self._heard:
            signal.signal(one, self._signalled)

    def ending(self) -> None:
        """From now on the run cleans up and writes: signals are passed over, unless that takes longer than it can."""
        self._ending = True
        self._alarm(LIMIT_SECONDS)

    def over(self) -> None:
        """Everything is written and said: the process is about to end, and no signal changes its status any more.

        Blocked, not only passed over: as Python ends, it gives each signal back to the system, whose answer is to kill.
        """
        self._ending = True
        self._alarm(0)
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, self._heard)

    def _signalled(self, *_: object) -> None:
        # Handlers stay installed: one that is taken away while its signal is on the way makes Python complain aloud.
        if self._raised or self._ending:
            return
        self._raised = True
        self._alarm(AGAIN_SECONDS)
        raise KeyboardInterrupt

    def _alarmed(self, *_: object) -> None:
        if self._ending:
            for one in self._heard:
                signal.signal(one, signal.SIG_DFL)
            return
        self._alarm(AGAIN_SECONDS)
        raise KeyboardInterrupt

    def _alarm(self, seconds: int) -> None:
        if hasattr(signal, "SIGALRM"):
            signal.signal(signal.SIGALRM, self._alarmed)
            signal.alarm(seconds)
