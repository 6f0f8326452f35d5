import subprocess
import sys

import pytest

from midonet_kubernetes.cli.main import COMMANDS, main
from midonet_kubernetes.errors import MachineError, SettingError, UserError


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    for command in COMMANDS:
        assert command.name in out


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_can_be_loaded_and_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: midonet-kube {command}" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [[], ["dance"], ["-f", "x"], ["translate"], ["translate", "-f", "x", "-o", "xml"]])
def test_a_wrong_command_line_is_the_users_fault(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    assert "usage: midonet-kube" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"), [(UserError("bad file"), 2), (SettingError("X", "y", "z"), 2), (MachineError("no vxlan"), 1)]
)
def test_an_error_is_one_line_and_an_exit_code(error, code, capsys, monkeypatch):
    def fail(_arguments):
        raise error

    monkeypatch.setattr("midonet_kubernetes.cli.translate.run", fail)
    assert main(["translate", "-f", "x"]) == code
    assert capsys.readouterr().err == f"midonet-kube: {error}\n"


def test_a_command_that_is_not_used_is_not_loaded():
    code = (
        "import sys; from midonet_kubernetes.cli.main import main\ntry: main(['--help'])\nfinally: print('yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.endswith("False\n")


def test_a_reader_that_goes_away_is_no_error():
    command = f"{sys.executable} -m midonet_kubernetes.cli.main translate -f - | head -c 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], input="", capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("a0\n", "")
