import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command
from honcho.manager import Manager

from chorus.demo import redis
from chorus.demo.data import ACCOUNTS

START_SECONDS = 60


class Command(BaseCommand):
    """`make run`: Redis, migrations, demo data, then web, worker, beat and mail sink until Ctrl-C."""

    help = "Lance la démonstration complète."
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *, host, port, **options):
        if port_is_busy(host, port):
            raise CommandError(
                f"Le port {port} est déjà pris, peut-être par une autre démonstration. "
                f"Arrêtez-la, ou tapez : make run PORT={port + 1}"
            )
        settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
        settings.SITE_URL = f"http://localhost:{port}"
        socket_path = settings.VAR_DIR / "redis.sock"
        with redis.running("--port", "0", "--unixsocket", str(socket_path), ready=socket_path.is_socket):
            call_command("migrate", verbosity=0)
            call_command("load_demo")
            self.run_processes(host, port)

    def run_processes(self, host, port):
        sink = free_port()
        environment = os.environ | {
            "SITE_URL": settings.SITE_URL,
            "EMAIL_URL": f"smtp://127.0.0.1:{sink}",
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
            "PYTHONWARNINGS": "ignore",
            # The demo's worker may run as root in a container; Celery warns about pickle, unused here.
            "C_FORCE_ROOT": "1",
        }
        python = sys.executable
        manager = Manager()
        for name, command in {
            "web": f"{python} -m gunicorn chorus.wsgi --bind {host}:{port} --workers 2 --threads 4 "
            "--no-control-socket --log-level warning",
            "worker": f"{python} -m celery --quiet --app chorus worker --concurrency 1 --loglevel WARNING",
            "beat": f"{python} -m celery --quiet --app chorus beat --loglevel WARNING",
            "mail": f"{python} -m aiosmtpd --nosetuid --listen 127.0.0.1:{sink} --class aiosmtpd.handlers.Sink",
        }.items():
            manager.add_process(name, f"exec {command}", env=environment, quiet=name == "mail")
        threading.Thread(target=self.welcome, args=(port,), daemon=True).start()
        signal.signal(signal.SIGTERM, lambda *_: manager.terminate())
        manager.loop()
        # Ctrl-C is the normal end; anything else is a process that died by itself.
        if manager.returncode and manager.returncode > 0 and manager.returncode < 128:
            raise CommandError("Un des processus s'est arrêté de lui-même : voyez les lignes au-dessus.")

    def welcome(self, port):
        """Wait until the web process answers, then say what there is to see."""
        address = settings.SITE_URL
        for _ in range(START_SECONDS * 4):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/sante/", timeout=2)
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.25)
        width = max(len(role) for role, *_ in ACCOUNTS)
        accounts = "\n".join(f"    {role:<{width}}  {email}" for role, email, _ in ACCOUNTS)
        self.stdout.write(
            f"\n  Le portail est prêt :      {address}\n"
            f"  Boîte aux lettres :        {address}/demo/courriels/\n"
            f"  Administration :           {address}/admin/\n\n"
            f"  Comptes (mot de passe « {ACCOUNTS[0][2]} ») :\n{accounts}\n\n"
            "  Pour s'inscrire : SIRET 200 030 351 00015 (COLLEGE DE CHAMPOULANT)\n"
            "  Ctrl-C arrête tout ; les données restent.\n"
        )
        self.stdout.flush()


def port_is_busy(host, port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
