"""`make run`: starts or says in one sentence why not; stops and leaves only its data."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.settings import LocalSettings, SettingError
from infra.local.translate import BrokenTemplate, cloudformation
from tests.api import ROOT
from tests.conftest import BOT_TOKEN
from tests.integration.service import RUN, Service, running, wait_until

MAKE_RUN = ("make", "--no-print-directory", "run")


# ---------------------------------------------------------------- failed starts


def sentence(service: Service) -> str:
    """The only line of a service that did not start; no process of it is left."""
    try:
        assert service.ended() == 1
        assert service.processes() == []
    finally:
        service.kill()
    [said] = service.stderr.splitlines()
    assert said.endswith(".")
    return said


def test_a_taken_port_is_named(service: Service, tmp_path: Path) -> None:
    """Taken by a running service here."""
    said = sentence(Service(tmp_path, PORT=str(service.port)))
    assert said == f"Port {service.port} is taken: stop the process that listens on it, or set PORT to another port."
    assert not (tmp_path / "data").exists()


def test_a_port_taken_on_all_addresses_is_named(tmp_path: Path) -> None:
    """A port that is taken on all addresses of this machine is also taken on localhost."""
    with socket.create_server(("0.0.0.0", 0)) as other:
        port = other.getsockname()[1]
        assert sentence(Service(tmp_path, PORT=str(port))).startswith(f"Port {port} is taken")


def test_data_of_a_running_service_is_refused(service: Service, tmp_path: Path) -> None:
    """Two runs with the same data would overwrite each other's."""
    said = sentence(Service(tmp_path, LOCAL_DATA_DIR=str(service.data_dir)))
    assert said == (
        f"{service.data_dir} is in use by another run: stop that run, or set LOCAL_DATA_DIR to another directory."
    )


def test_a_file_as_data_directory_is_refused(tmp_path: Path) -> None:
    """The data directory must not be a file."""
    (tmp_path / "file").touch()
    assert sentence(Service(tmp_path, LOCAL_DATA_DIR=str(tmp_path / "file"))).startswith(f"{tmp_path}/file cannot be")


def test_an_invalid_setting_is_named(tmp_path: Path) -> None:
    """The message has the setting's name, the allowed values and the actual value."""
    said = sentence(Service(tmp_path, ORDER_LIFETIME_MINUTES="soon"))
    assert said == "ORDER_LIFETIME_MINUTES must be a number of minutes above 0, not 'soon'."


@pytest.mark.parametrize("name", ["ORDER_LIFETIME_MINUTES", "NO_RESPONSE_CLOSE_MINUTES", "PORT", "LOCAL_CONCURRENCY"])
@pytest.mark.parametrize("value", ["x", "0", "-1", "nan", "inf", "1e99", "1,5", " ", "0x10"])
def test_every_invalid_value_of_a_setting_is_refused(name: str, value: str) -> None:
    """Each invalid value is refused with the name of its setting."""
    with pytest.raises(SettingError, match=f"^{name} must be .*, not '{value}'\\.$"):
        LocalSettings.read({name: value})


def test_a_port_over_65535_is_refused() -> None:
    """The greatest port is 65535."""
    with pytest.raises(SettingError, match="PORT must be a port from 1 to 65535, not '65536'"):
        LocalSettings.read({"PORT": "65536"})


def test_valid_settings_are_read() -> None:
    """Minutes may be fractions; an empty setting counts as not set."""
    settings = LocalSettings.read({"PORT": "", "ORDER_LIFETIME_MINUTES": "0.05", "NO_RESPONSE_CLOSE_MINUTES": ".5"})
    assert settings == LocalSettings.read({"ORDER_LIFETIME_MINUTES": "5e-2", "NO_RESPONSE_CLOSE_MINUTES": "0.50"})
    assert (settings.port, settings.data_dir) == (8000, ROOT / ".local")
    assert (settings.order_lifetime_minutes, settings.no_response_close_minutes) == (0.05, 0.5)
    defaults = LocalSettings.read({})
    assert (defaults.order_lifetime_minutes, defaults.no_response_close_minutes) == (60, 15)


BROKEN: dict[str, tuple[Callable[[str], str], str]] = {
    "no YAML": (lambda good: good + "  : : [\n", "template.yaml is not YAML in line"),
    "empty": (lambda good: "", "template.yaml is not a SAM template"),
    "a list": (lambda good: "- a\n- b\n", "template.yaml is not a SAM template"),
    "a function without a handler": (
        lambda good: good.replace("      Handler: functions.orders.take.handler\n", ""),
        "template.yaml cannot be translated: Resource with id [TakeOrder] is invalid",
    ),
    "a name in !GetAtt": (
        lambda good: good.replace("!GetAtt Table.Arn", "!GetAtt Tabel.Arn"),
        "template.yaml refers to Tabel, which it does not define.",
    ),
    "a name in !Sub": (
        lambda good: good.replace("${Table.Arn}/index", "${Tabel.Arn}/index"),
        "template.yaml refers to Tabel, which it does not define.",
    ),
    "a name in !Ref": (
        lambda good: good.replace("!Ref ReadBotTokenPolicy", "!Ref ReadBotTokenPolicies"),
        "template.yaml refers to ReadBotTokenPolicies, which it does not define.",
    ),
    "a name in DependsOn": (
        lambda good: good.replace("    Type: AWS::SNS::Topic\n", "    Type: AWS::SNS::Topic\n    DependsOn: Tabel\n"),
        "template.yaml refers to Tabel, which it does not define.",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_template_is_explained_in_a_line(how: str) -> None:
    """The message is one line."""
    breaks, said = BROKEN[how]
    with pytest.raises(BrokenTemplate) as refused:
        cloudformation(breaks((ROOT / "template.yaml").read_text()), {"Bucket": "b", "Key": "k"}, {"Stage": "local"})
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone of the project."""
    root = tmp_path / "clone"
    for part in ("functions", "shared", "infra", "requirements", "static"):
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("template.yaml", "Makefile"):
        shutil.copy(ROOT / part, root / part)
    return root


def test_a_run_with_a_broken_template_stops(clone: Path, tmp_path: Path) -> None:
    """The embedded AWS is running by then and is stopped."""
    template = clone / "template.yaml"
    good = template.read_text()
    template.write_text(good.replace("Type: AWS::SQS::Queue", "Type: AWS::SQS::Tail"))
    assert "AWS::SQS::Tail" in sentence(Service(tmp_path / "unknown type", root=clone))
    template.unlink()
    assert "template.yaml cannot be read" in sentence(Service(tmp_path / "no template", root=clone))


@pytest.mark.parametrize("how", ["PYTHON is none", "PYTHON is too old", "there is none", "there is an old one"])
def test_a_run_without_python_says_so(clone: Path, tmp_path: Path, how: str) -> None:
    """`make run` needs Python 3.11; without it, it says so and creates nothing."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("make", "sh"):
        found = shutil.which(program)
        assert found
        (programs / program).symlink_to(found)
    old = tmp_path / "old" / "python3"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    env = {"PATH": str(programs), "PORT": "1", "LOCAL_DATA_DIR": str(tmp_path / "data")}
    if how == "PYTHON is none":
        env |= {"PATH": os.environ["PATH"], "PYTHON": "/nonexistent"}
    elif how == "PYTHON is too old":
        env |= {"PATH": os.environ["PATH"], "PYTHON": str(old)}
    elif how == "there is an old one":
        (programs / "python3").symlink_to(old)
    done = subprocess.run([*MAKE_RUN], cwd=clone, env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    said, *makes_own = done.stderr.splitlines()
    assert said.startswith("Python 3.11 or later with its venv module is needed")
    assert all(line.startswith("make") for line in makes_own)
    assert not (clone / ".venv").exists()


# ---------------------------------------------------------------- stops


def ctrl_c(service: Service) -> None:
    """Signal the whole process group, as a terminal does."""
    os.killpg(service.process.pid, signal.SIGINT)


def sigterm(service: Service) -> None:
    """Signal the process, as a supervisor does."""
    service.process.terminate()


def kill(service: Service) -> None:
    """Kill the process, as the kernel does when memory is short."""
    service.process.kill()


def hang_up(service: Service) -> None:
    """Signal a hangup, as a closed terminal does."""
    service.process.send_signal(signal.SIGHUP)


ENDS: list[tuple[tuple[str, ...], Callable[[Service], None], set[int]]] = [
    (MAKE_RUN, ctrl_c, {0, 2, 130, -signal.SIGINT}),
    (RUN, sigterm, {0}),
    (MAKE_RUN, kill, {-signal.SIGKILL}),
    (RUN, kill, {-signal.SIGKILL}),
    (RUN, hang_up, {0}),
]


def test_the_next_run_finds_the_data_after_any_stop(service: Service, tmp_path: Path) -> None:
    """No process is left, no other run is disturbed, and the next run is ready within 15 s."""
    home = tmp_path / "мои данные"
    client, executor = service.user(), service.user()
    contacts: dict[str, str] = {}
    for number, (command, end, exit_codes) in enumerate(ENDS):
        began = time.monotonic()
        run = Service(home, command=command)
        try:
            run.wait_until_ready()
            # On an idle machine.
            limit = 15 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
            assert number == 0 or time.monotonic() - began < limit
            for order_id, contact in contacts.items():
                # A paid take is still paid, and a contact is still locked.
                assert run.take(executor, order_id).json["contact"] == contact
                order = run.order_body(contact.upper())
                assert run.call("POST /api/orders", user=client, body=order).json["code"] == "contact_busy"
            recharged = run.call("POST /api/balance/recharge", user=executor, body={"amount": 3})
            assert recharged.json["new_balance"] == len(contacts) + 3
            order = run.order(client)
            assert run.take(executor, order["id"]).status == 200
            contacts[order["id"]] = order["contact"]
            end(run)
            assert run.ended() in exit_codes
            # If make was killed, its child ends a moment later.
            wait_until(lambda run=run: run.processes() == [])  # type: ignore[misc]
            assert "Traceback" not in run.stderr
        finally:
            run.kill()
    assert service.call("GET /api/orders", user=client, query={"mine": True}).json["total"] == 0


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("when", ["", "Starting the embedded AWS", "Deploying template.yaml"])
def test_a_stop_during_the_start_is_quiet(tmp_path: Path, stop: signal.Signals, when: str) -> None:
    """It stops at once and prints no error."""
    run = Service(tmp_path)
    try:
        time.sleep(0.2)
        wait_until(lambda: when in run.stdout, every=0.02)
        run.process.send_signal(stop)
        assert run.ended() in {0, -stop}
        assert run.processes() == []
        assert run.stderr == ""
    finally:
        run.kill()


def test_open_connections_do_not_delay_a_stop(tmp_path: Path) -> None:
    """One connection waits for its answer, one has sent half a request, one is idle."""
    with running(tmp_path) as run:
        held = [socket.create_connection(("127.0.0.1", run.port)) for _ in range(3)]
        held[0].sendall(b"GET /api/cities HTTP/1.1\r\nHost: x\r\n\r\n")
        held[1].sendall(b"POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
    for connection in held:
        connection.close()


def test_a_run_stops_if_its_aws_dies(tmp_path: Path) -> None:
    """Without the embedded AWS there is nothing to serve."""
    run = Service(tmp_path)
    try:
        run.wait_until_ready()
        children = Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children").read_text().split()
        [aws] = [int(child) for child in children]
        os.kill(aws, signal.SIGKILL)
        assert sentence(run) == "The embedded AWS stopped unexpectedly: see ministack.log in the data directory."
    finally:
        run.kill()


# ---------------------------------------------------------------- output and credentials


def test_the_output_says_where_the_service_is(service: Service) -> None:
    """The output shows the addresses and the next steps."""
    for line in ("==> Starting the embedded AWS", f"Ready: http://localhost:{service.port}", "make -s initdata ID=1"):
        assert line in service.stdout


def test_the_readme_shows_the_real_output(service: Service) -> None:
    """Compared line by line, except the port and spaces."""
    [shown] = re.findall(r"(?ms)^```text\n(.*?)^```$", (ROOT / "README.md").read_text())
    printed = {"".join(line.split()) for line in service.stdout.replace(str(service.port), "8000").splitlines()}
    assert {"".join(line.split()) for line in shown.splitlines()} <= printed


def test_a_command_signs_init_data(service: Service) -> None:
    """With TELEGRAM_BOT_TOKEN, as the service checks it."""
    command = [sys.executable, "-m", "infra.local.initdata", "--user", "777", "--first-name", "Ира"]

    def made(**env: str) -> str:
        env = {**{name: value for name, value in os.environ.items() if name != "TELEGRAM_BOT_TOKEN"}, **env}
        return subprocess.check_output(command, cwd=ROOT, env=env, text=True).strip()

    answer = service.call(
        "GET /api/users/me", headers={"authorization": f"Bearer {made(TELEGRAM_BOT_TOKEN=BOT_TOKEN)}"}
    )
    assert (answer.status, answer.json["id"], answer.json["first_name"]) == (200, 777, "Ира")
    # The default token is not that of this service.
    assert service.call("GET /api/users/me", headers={"authorization": f"Bearer {made()}"}).status == 401
