"""How a supervisor learns of a worker's messages, its death and the reason."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from fer_batch.workers.process import WorkerProcess
from fer_batch.workers.protocol import OUT_OF_MEMORY

WORKER = """
import os, sys
from fer_batch.workers.protocol import received, reply_pipe, send

def main():
    replies = reply_pipe()
    for message in received(sys.stdin.buffer):
        print("a library's chatter")
        if message["do"] == "echo":
            send(replies, message)
        else:
            os._exit(message["status"])
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A worker's module that processes started from here can import."""
    (tmp_path / "echo_worker.py").write_text(WORKER)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return "echo_worker"


def started(module: str) -> tuple[WorkerProcess, SimpleQueue[Any]]:
    messages: SimpleQueue[Any] = SimpleQueue()
    begin = {"do": "echo", "number": 1}
    return WorkerProcess(1, begin, lambda _, message: messages.put(message), None, module), messages


def test_messages_arrive_in_order_whatever_is_printed(module: str) -> None:
    process, messages = started(module)
    try:
        process.send({"do": "echo", "number": 2})
        assert [messages.get(timeout=20)["number"] for _ in range(2)] == [1, 2]
    finally:
        process.close()
    assert messages.get(timeout=20) is None


@pytest.mark.parametrize(
    ("status", "reason"),
    [(3, "ended with status 3"), (OUT_OF_MEMORY, "found no more memory")],
    ids=["status", "memory"],
)
def test_a_death_is_noticed_and_explained(module: str, status: int, reason: str) -> None:
    process, messages = started(module)
    try:
        messages.get(timeout=20)
        process.send({"do": "exit", "status": status})
        assert messages.get(timeout=20) is None
        assert process.death().reason.startswith(reason)
    finally:
        process.close()


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_a_kill_and_a_silence_are_told_apart(module: str) -> None:
    killed, messages = started(module)
    hung, others = started(module)
    try:
        messages.get(timeout=20)
        others.get(timeout=20)
        os.kill(killed.pid, signal.SIGKILL)
        hung.hung(4.0)
        assert messages.get(timeout=20) is None
        assert killed.death().reason.startswith("was killed")
        assert hung.death().reason == "hung: it gave no sign of life for 4 s and was ended"
    finally:
        killed.close()
        hung.close()
