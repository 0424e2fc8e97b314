"""What a process can still do that has entered the sandbox: each is tried out."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from attachment_service import sandbox
from attachment_service.inspection import Inspection
from attachment_service.verdicts import Reason
from tests.attachment_service.test_inspection import PNG, READ_ALL, reason

BEFORE = "import json, os, resource, signal, socket, subprocess, sys, tempfile\n"
ENTER = BEFORE + "from attachment_service import sandbox\nnetwork = sandbox.enter()\n"
AS_SOMEBODY = ENTER.replace("network", "os.getuid() or os.setuid(1234)\nnetwork", 1)
"""Root is not who a service runs as."""
TRY = """
def tried(what):
    try:
        return what()
    except Exception as error:
        return type(error).__name__
"""


def inside(code: str, enter: str = ENTER) -> Any:
    """What *code* prints, as JSON, in a process that has entered."""
    command = [sys.executable, "-I", "-c", enter + TRY + code]
    done = subprocess.run(command, env={}, capture_output=True, timeout=30, check=True)
    return json.loads(done.stdout)


def test_no_file_can_be_opened_or_made(tmp_path: Path) -> None:
    """Nothing of the machine is read, nothing is left on it."""
    tmp_path.chmod(0o777)
    place = str(tmp_path / "left")

    said = inside(f"""
print(json.dumps([
    tried(lambda: open("/etc/passwd").read()),
    tried(lambda: open({place!r}, "w").write("x")),
    tried(lambda: os.open({place!r}, os.O_CREAT | os.O_WRONLY)),
    tried(lambda: os.listdir("/")),
]))""")

    assert said == ["OSError"] * 4
    assert not Path(place).exists()


def test_no_file_can_be_written_even_with_a_descriptor_to_spare() -> None:
    """One that closes a stream to open a file with it writes nothing into it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o777)
        place = str(Path(folder) / "left")

        said = inside(f"""
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
os.close(2)
print(json.dumps(tried(lambda: os.write(os.open({place!r}, os.O_CREAT | os.O_WRONLY), b"x"))))""")

        assert said == "OSError"
        assert not Path(place).exists() or Path(place).stat().st_size == 0


@pytest.mark.parametrize("enter", [ENTER, AS_SOMEBODY], ids=["as we are", "as somebody"])
def test_network_is_gone_where_it_says_so(enter: str) -> None:
    """What the sandbox tells of the network is what is found by trying, with a descriptor free."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        network, reached = inside(
            f"""
os.close(2)
def reach():
    with socket.socket() as ours:
        ours.connect(("127.0.0.1", {port}))
    return True
print(json.dumps([network, tried(reach) is True]))""",
            enter,
        )

    assert reached == network


def test_no_socket_can_be_had() -> None:
    """With its three streams open, there is no room for a socket, network or not."""
    assert inside("print(json.dumps(tried(lambda: socket.socket().fileno())))") == "OSError"


def test_nothing_can_be_started() -> None:
    """No other process, no thread."""
    said = inside("""
import threading
print(json.dumps([
    tried(os.fork),
    tried(lambda: threading.Thread(target=print).start()),
    tried(lambda: subprocess.run(["/bin/true"])),
]))""")

    assert said == ["BlockingIOError", "RuntimeError", "OSError"]


@pytest.mark.parametrize("before", [ENTER, AS_SOMEBODY], ids=["as we are", "as somebody"])
def test_it_is_nobody_and_stays_so(before: str) -> None:
    """Not root, in no group of root's, without capabilities, and with no way to more."""
    status_kept_open = before.replace("network", "about = open('/proc/self/status')\nnetwork", 1)

    user, groups, text = inside(
        "print(json.dumps([os.getuid(), os.getgroups(), about.read()]))", status_kept_open
    )

    status = dict(line.split(":\t", 1) for line in text.splitlines())

    assert user != 0
    assert 0 not in groups
    capabilities = {name: int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh")}
    assert capabilities == {"CapEff": 0, "CapPrm": 0, "CapInh": 0}
    assert status["NoNewPrivs"] == "1"


def test_limits_are_as_they_say() -> None:
    """Memory, time, files and cores; for good."""
    said = inside("""
names = ["AS", "CPU", "FSIZE", "NOFILE", "NPROC", "CORE"]
said = {name: resource.getrlimit(getattr(resource, "RLIMIT_" + name)) for name in names}
said["nice"] = os.nice(0)
said["raised"] = tried(lambda: resource.setrlimit(resource.RLIMIT_CPU, (99, 99)))
print(json.dumps(said))""")

    assert said == {
        "AS": [sandbox.MEMORY_BYTES] * 2,
        "CPU": [sandbox.CPU_S] * 2,
        "FSIZE": [0, 0],
        "NOFILE": [3, 3],
        "NPROC": [0, 0],
        "CORE": [0, 0],
        "nice": min(19, os.nice(0) + sandbox.NICENESS),
        "raised": "ValueError",
    }


HUNGRY = {
    "memory": "x = []\nwhile True: x.append(bytes(64 << 20))",
    "time": "resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass",
}


@pytest.mark.parametrize("what", HUNGRY)
async def test_hungry_process_dies_alone(what: str) -> None:
    """A decoder made to eat what there is ends at its limit: the file is refused; we live on."""
    code = (
        "import resource, sys\nfrom attachment_service import sandbox\n"
        "sys.stdin.buffer.readline()\nsandbox.enter()\nprint('{\"network\":false}', flush=True)\n"
        + READ_ALL.replace("; ", "\n")
        + HUNGRY[what]
    )
    inspection = Inspection(inspector=(sys.executable, "-I", "-c", code))

    refused = await reason(inspection, "image/png", PNG)

    assert refused is Reason.UNINSPECTABLE
    assert await reason(Inspection(), "image/png", PNG) is None
    await inspection.close()
