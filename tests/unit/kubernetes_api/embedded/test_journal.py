import os
import signal
import subprocess
import sys

import pytest

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.kubernetes_api.embedded.failures import Failure
from midonet_kubernetes.kubernetes_api.embedded.journal import SqliteJournal
from midonet_kubernetes.kubernetes_api.embedded.store import Key, Store

ENDLESS_WRITER = """
import sys
from pathlib import Path
from midonet_kubernetes.kubernetes_api.embedded.journal import SqliteJournal
from midonet_kubernetes.kubernetes_api.embedded.store import Key, Store
store = Store(SqliteJournal(Path(sys.argv[1])))
while True:
    key = Key("things", "", f"n{store.revision % 50}")
    print(store.put(key, {"metadata": {"name": key.name, "uid": key.name}}).revision, flush=True)
"""


def put(store: Store, name: str):
    key = Key("things", "default", name)
    return store.put(key, {"metadata": {"name": name, "uid": f"uid-{name}", "labels": {"l": name}}})


def test_objects_revision_and_history_survive(tmp_path):
    store = Store(SqliteJournal(tmp_path / "s"))
    put(store, "a")
    put(store, "b")
    gone = put(store, "c")
    store.remove(gone.key, gone.body())
    before = [(change.type, change.now, change.before) for change in store.since(1)]
    store.close()

    again = Store(SqliteJournal(tmp_path / "s"))
    assert again.revision == 4
    assert [stored.key.name for stored in again.all("things")] == ["a", "b"]
    assert [(change.type, change.now, change.before) for change in again.since(1)] == before
    assert put(again, "d").revision == 5
    again.close()


def test_the_bound_of_the_history_holds_across_restarts(tmp_path):
    store = Store(SqliteJournal(tmp_path / "s"), history=10)
    for number in range(2_500):
        put(store, f"n{number % 7}")
    store.close()
    again = Store(SqliteJournal(tmp_path / "s"), history=10)
    with pytest.raises(Failure):
        again.since(2_500 - 1_010)
    assert [change.now.revision for change in again.since(2_495)] == [2_496, 2_497, 2_498, 2_499, 2_500]
    again.close()


def test_what_was_acknowledged_is_there_after_a_kill(tmp_path):
    words = [sys.executable, "-c", ENDLESS_WRITER, str(tmp_path / "s")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as writer:
        acknowledged = [int(writer.stdout.readline()) for _ in range(300)]
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += [int(line) for line in writer.stdout if line.endswith("\n")]
    store = Store(SqliteJournal(tmp_path / "s"))
    assert store.revision >= acknowledged[-1]
    assert len(store.all("things")) == 50
    assert [change.now.revision for change in store.since(0)] == list(range(1, store.revision + 1))
    store.close()


def test_a_file_that_is_no_store_is_the_users_error(tmp_path):
    (tmp_path / "s").write_text("this is no database, and it is long enough to be told from an empty one" * 20)
    with pytest.raises(UserError, match="cannot be used as the store"):
        SqliteJournal(tmp_path / "s")
