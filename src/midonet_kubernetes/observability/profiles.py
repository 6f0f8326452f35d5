"""What a running program is doing: CPU, memory, tasks. Nothing here costs anything until it is asked."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections import Counter
from types import CodeType, FrameType

from midonet_kubernetes.observability.pprof import Frame, Stack, ValueType, encode

HERTZ = 100
_DEEPEST = 128


def _frame(code: CodeType, line: int) -> Frame:
    return Frame(f"{_module(code.co_filename)}.{code.co_qualname}", code.co_filename, line)


def _module(file: str) -> str:
    """``…/midonet_kubernetes/node/main.py`` as ``midonet_kubernetes/node/main``, so that names in reports are short."""
    for mark in ("site-packages/", "/src/", "/lib/"):
        if mark in file:
            file = file.rsplit(mark, 1)[1]
    return file.removesuffix(".py")


def _stack(frame: FrameType | None) -> Stack:
    frames: list[Frame] = []
    while frame is not None and len(frames) < _DEEPEST:
        frames.append(_frame(frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return tuple(frames)


def _sample_threads(seconds: float, stop: threading.Event) -> dict[Stack, tuple[int, ...]]:
    counted: Counter[Stack] = Counter()
    own, end = threading.get_ident(), time.monotonic() + seconds
    while time.monotonic() < end and not stop.wait(1 / HERTZ):
        for thread, frame in sys._current_frames().items():  # noqa: SLF001 - the documented way to see all threads
            if thread != own and not _waiting(frame):
                counted[_stack(frame)] += 1
    return {stack: (count, count * 1_000_000_000 // HERTZ) for stack, count in counted.items()}


def _waiting(frame: FrameType) -> bool:
    """Whether the thread waits in the event loop's selector, a lock or a queue instead of computing."""
    return frame.f_code.co_name in {"select", "wait", "get", "_worker"} and frame.f_code.co_filename.endswith(
        ("selectors.py", "threading.py", "queue.py", "thread.py")
    )


async def cpu(seconds: float) -> bytes:
    """A CPU profile: 100 times a second, where each thread that computes is. Slows the program by some 8 %."""
    begin, stop = time.time_ns(), threading.Event()
    try:
        samples = await asyncio.to_thread(_sample_threads, seconds, stop)
    finally:
        stop.set()
    cpu_time = ValueType("cpu", "nanoseconds")
    return encode(
        samples,
        (ValueType("samples", "count"), cpu_time),
        period=(cpu_time, 1_000_000_000 // HERTZ),
        time_nanos=begin,
        duration_nanos=time.time_ns() - begin,
    )


def heap() -> bytes:
    """A heap profile: objects that the garbage collector knows, and what they hold of their own, by type."""
    counts: Counter[type] = Counter()
    sizes: Counter[type] = Counter()
    for thing in gc.get_objects():
        counts[type(thing)] += 1
        sizes[type(thing)] += sys.getsizeof(thing, 0)
    samples: dict[Stack, tuple[int, ...]] = {
        (Frame(f"{kind.__module__}.{kind.__qualname__}"),): (count, sizes[kind]) for kind, count in counts.items()
    }
    space = ValueType("inuse_space", "bytes")
    return encode(samples, (ValueType("inuse_objects", "count"), space), period=(space, 1), time_nanos=time.time_ns())


def _work() -> Counter[Stack]:
    counted: Counter[Stack] = Counter()
    for task in asyncio.all_tasks():
        inner_last = task.get_stack(limit=_DEEPEST)
        counted[tuple(_frame(frame.f_code, frame.f_lineno) for frame in reversed(inner_last))] += 1
    for frame in sys._current_frames().values():  # noqa: SLF001 - the documented way to see all threads
        counted[_stack(frame)] += 1
    return counted


def goroutine() -> bytes:
    """The tasks of the event loop and the threads, each with where it stands; named as ``go tool pprof`` expects."""
    unit = ValueType("goroutine", "count")
    samples = {stack: (count,) for stack, count in _work().items()}
    return encode(samples, (unit,), period=(unit, 1), time_nanos=time.time_ns())


def goroutine_text() -> str:
    """The same for a reader."""
    return "\n\n".join(
        "\n".join([f"{count} @", *(f"    {frame.function} {frame.file}:{frame.line}" for frame in stack)])
        for stack, count in _work().most_common()
    )
