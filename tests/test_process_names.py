"""Names of processes: the living, the dead, and those whose number went to another."""

import os
import subprocess
import sys

from docsort.process_names import is_running, machine_name, process_name


def test_a_process_runs_until_it_has_ended() -> None:
    code = "from docsort.process_names import process_name; print(process_name(), flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        name = it.stdout.readline().strip()
        assert name.startswith(f"{it.pid} ")
        assert is_running(name)
        it.communicate("\n")
    assert not is_running(name)


def test_another_process_of_the_same_number_is_another() -> None:
    assert is_running(process_name())
    assert not is_running(f"{os.getpid()} 1000.00")


def test_what_is_no_name_is_not_said_to_be_dead() -> None:
    assert is_running("")
    assert is_running("seven")


def test_a_machine_has_one_name() -> None:
    assert machine_name() == machine_name() != ""
