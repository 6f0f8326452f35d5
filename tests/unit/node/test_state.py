import contextlib
import re
import stat
from pathlib import Path

import pytest

import midonet_kubernetes.node
from midonet_kubernetes.errors import MachineError
from midonet_kubernetes.node.state import FILE, Annotation, Attachment, State

ONE = Attachment("c1", "eth0", "midonet", "/run/netns/a", "shop/web", "u1", "10.1.0.3", "ac:ca:ba:00:00:01", "mido1", wired=True)
TWO = Attachment("c2", "eth0", "midonet", "/run/netns/b", "", "", "10.1.0.4", "ac:ca:ba:00:00:02", "mido2")


@pytest.fixture
def state(tmp_path):
    with contextlib.closing(State(tmp_path)) as opened:
        yield opened


def test_what_was_saved_is_there_after_a_restart(tmp_path, state):
    state.save(ONE)
    state.save(TWO)
    state.remember("podCIDR", "10.1.0.0/24")
    state.close()
    with contextlib.closing(State(tmp_path)) as again:
        assert again.attachments() == [ONE, TWO]
        assert (again.fact("podCIDR"), again.fact("other")) == ("10.1.0.0/24", "")


def test_only_we_can_read_the_folder(tmp_path):
    State(tmp_path / "new" / "folder").close()
    assert stat.S_IMODE((tmp_path / "new" / "folder").stat().st_mode) == 0o700


def test_a_removed_attachment_leaves_its_address_resting(state):
    state.save(ONE)
    state.save(TWO)
    state.remove(TWO)
    state.remove(ONE)
    assert (state.attachments(), state.resting()) == ([], ["10.1.0.4", "10.1.0.3"])


def test_an_address_that_is_given_again_does_not_rest(state):
    state.save(ONE)
    state.remove(ONE)
    state.save(ONE)
    assert state.resting() == []


def test_what_belongs_together_is_written_together_or_not_at_all(state):
    def write_and_fail():
        with state.together():
            state.save(ONE)
            state.want(Annotation("shop/web", "u1", "m"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert (state.attachments(), state.annotations()) == ([], [])


def test_a_process_that_dies_inside_of_a_transaction_leaves_nothing_of_it(tmp_path, state):
    state.save(ONE)
    state._connection.execute("BEGIN IMMEDIATE")
    state.save(TWO)
    state._connection.close()  # what the kernel does to a killed process
    with contextlib.closing(State(tmp_path)) as again:
        assert again.attachments() == [ONE]


def test_the_newest_wish_for_a_pod_counts(state):
    old, new = Annotation("shop/web", "u1", "m1"), Annotation("shop/web", "u2", "m2")
    state.want(old)
    state.want(new)
    state.done(old)
    assert state.annotations() == [new]
    state.done(new)
    assert state.annotations() == []


@pytest.mark.parametrize(
    "write",
    [
        lambda state: state.save(ONE),
        lambda state: state.remove(ONE),
        lambda state: state.remember("a", "b"),
        lambda state: state.want(Annotation("a/b", "", "m")),
        lambda state: state.done(Annotation("a/b", "", "m")),
    ],
)
def test_a_disk_that_takes_nothing_is_the_machines_fault(state, write):
    state._connection.execute("PRAGMA query_only = 1")
    with pytest.raises(MachineError, match="MIDONETKUBE_NODESTATE"):
        write(state)
    with pytest.raises(MachineError), state.together():
        write(state)
    state._connection.execute("PRAGMA query_only = 0")
    write(state)


@pytest.mark.parametrize("content", [b"nonsense" * 1000, b"SQLite format 3\0" + b"\xff" * 5000, b"\0" * 4096])
def test_a_damaged_file_is_put_aside(tmp_path, content, caplog):
    (tmp_path / FILE).write_bytes(content)
    with contextlib.closing(State(tmp_path)) as state:
        assert state.attachments() == []
        state.save(ONE)
    assert (tmp_path / f"{FILE}.damaged").read_bytes() == content
    assert "is damaged" in caplog.text


def test_an_empty_file_is_a_new_one(tmp_path):
    (tmp_path / FILE).touch()
    State(tmp_path).close()
    assert not (tmp_path / f"{FILE}.damaged").exists()


def test_a_folder_that_cannot_be_made_is_the_machines_fault(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="cannot be written"):
        State(tmp_path / "file" / "folder")


def test_nothing_depends_on_the_time_of_day():
    """It jumps; what is remembered carries no time, and what is counted in seconds is counted by a clock that only goes ahead."""
    for source in Path(midonet_kubernetes.node.__file__).parent.glob("*.py"):
        assert not re.search(r"\btime\.time\(|\bdatetime\b|st_mtime", source.read_text()), source.name
