"""Waiting for something to become true. Nothing in these tests is decided by a sleep: the bound is
generous and only a failing test ever reaches it."""

import time

BOUND = 30.0


class TimedOut(AssertionError):
    pass


def until(condition, what, bound=BOUND, every=0.01):
    """Calls `condition` until it returns something true, and returns that."""
    end = time.monotonic() + bound
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimedOut(f"not within {bound:g} s: {what() if callable(what) else what}")
        time.sleep(every)
