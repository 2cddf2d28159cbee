"""The wheel: what it holds, and that it works where no checkout is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = {
    "engine/resources/alerts.toml",
    "engine/resources/pregao.toml",
    "engine/resources/costs.toml",
    "engine/resources/migrations/env.py",
    "engine/resources/migrations/versions/0001_initial.py",
    "engine/daily/run.py",
    "engine/ingestion/cotahist.py",
    "engine/store/bars.py",
    "tui/cli.py",
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tracked files."""
    builder = shutil.which("uv")
    if builder is None:
        pytest.skip("uv, which builds the wheel, is not installed")
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [builder, "build", "--wheel", "--out-dir", str(out)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    (found,) = out.glob("*.whl")
    return found


def test_the_wheel_holds_code_and_resources_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert archive.read("engine/resources/pregao.toml") == (ROOT / "config" / "pregao.toml").read_bytes()
    tracked = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "engine" / "resources").rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".nbi", ".nbc")
    }
    assert NEEDED | tracked <= names
    assert {name.split("/")[0] for name in names} == {"engine", "tui", "pregao-0.1.0.dist-info"}
    assert not [name for name in names if name.endswith((".pyc", ".nbi", ".nbc", ".env"))]
    assert [name for name in names if name.endswith(".tcss")]


def test_the_wheel_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    python = place / "bin" / "python" if os.name == "posix" else place / "Scripts" / "python.exe"
    builder = shutil.which("uv")
    assert builder is not None
    subprocess.run(
        [builder, "pip", "install", "--quiet", "--no-deps", "--offline", "--python", str(python), str(wheel)],
        check=True,
        timeout=120,
    )
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PREGAO_", "PYTHON"))}
    environment["PYTHONPATH"] = sysconfig.get_paths()["purelib"]
    environment["XDG_DATA_HOME"] = str(tmp_path / "share")
    command = python.parent / "pregao"

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(command), *words], cwd=elsewhere, env=environment, capture_output=True, text=True, timeout=300)

    where = subprocess.run(
        [str(python), "-c", "import engine, tui; print(engine.__file__, tui.__file__)"],
        cwd=elsewhere, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert str(ROOT) not in where.stdout
    assert run("--version").stdout == "pregao 0.1.0\n"
    shown = run("--demo", "--run-daily", "--json", "--home", str(home))
    assert (shown.returncode, shown.stderr) == (0, "")
    report = json.loads(shown.stdout)
    assert (report["status"], report["demo"]) == ("done", True)
    assert report["signals"]
    assert (home / "config" / "pregao.toml").read_bytes() == (ROOT / "config" / "pregao.toml").read_bytes()
    assert run("runs").returncode == 0
    assert (tmp_path / "share" / "pregao" / "data" / "pregao.db").is_file()
    assert list(elsewhere.iterdir()) == []
