"""The order of the rooms: engine knows nothing of tui, and inside the engine imports point down."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPT = "import sys; from importlinter.cli import lint_imports_command; sys.argv = ['lint-imports', '--no-cache']; lint_imports_command()"


def test_the_import_contracts_are_kept() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Inside the engine an import points down this list KEPT" in done.stdout


def test_every_folder_of_code_is_a_package() -> None:
    """A folder without __init__.py is left out of the contracts."""
    for room in ("engine", "tui"):
        folders = {path.parent for path in (ROOT / room).rglob("*.py") if "resources" not in path.parts}
        assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []
