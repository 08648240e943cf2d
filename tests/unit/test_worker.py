"""What bin/serve's workers set for their process."""

import os
import subprocess
import sys
from pathlib import Path

from tests.servers import ROOT


def test_a_worker_lets_its_event_loop_have_the_interpreter_lock_soon(tmp_path: Path) -> None:
    code = (
        "import sys; from chatty_project import worker; print(sys.getswitchinterval() == worker.SWITCH_SECONDS < 0.005)"
    )
    settings = {"SECRET_KEY": "a" * 50, "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "chatty_project.settings"} | settings,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
