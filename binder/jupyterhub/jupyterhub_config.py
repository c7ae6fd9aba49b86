"""JupyterHub for a class on one machine: each student gets a server of their own with the lessons in it.

    jupyterhub --config binder/jupyterhub/jupyterhub_config.py

Set before a real class: the authenticator (the dummy one lets everybody in who knows the password), and a spawner that
separates users, as The Littlest JupyterHub does with systemd. README.md beside this file says how.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821  # JupyterHub puts it there

HOMES = Path(os.environ.get("CLASS_HOMES", "homes")).resolve()
CULL_AFTER_SECONDS = 60 * 60  # without a request or a word from a kernel: a tune with its panel open keeps its server


def give_lessons(spawner: Any) -> None:
    """Put the lessons into the student's folder; a notebook that is there already is left as it is."""
    home = HOMES / spawner.user.name
    home.mkdir(parents=True, exist_ok=True)
    command = [str(Path(sys.executable).with_name("finetune-lab")), "lessons", str(home / "lessons")]
    subprocess.run(command, check=True)


c.JupyterHub.bind_url = os.environ.get("CLASS_URL", "http://127.0.0.1:8000")
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = os.environ["CLASS_PASSWORD"]
c.Authenticator.allow_all = True

c.JupyterHub.spawner_class = "simple"  # one system user for all: for a trial, not for marks
c.SimpleLocalProcessSpawner.home_dir_template = str(HOMES / "{username}")
c.Spawner.pre_spawn_hook = give_lessons
c.Spawner.default_url = "/lab/tree/lessons/full_lora_qlora.ipynb"
c.Spawner.args = ["--ServerApp.allow_root=True"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
c.Spawner.environment = {"OMP_NUM_THREADS": "1"}  # students share the cores: more threads each make all of them slower
c.Spawner.start_timeout = 120

c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={CULL_AFTER_SECONDS}"],
    }
]
