"""How gunicorn runs the portal in production; WEB_CONCURRENCY and WEB_THREADS size it."""

import os

bind = os.environ.get("WEB_BIND", "0.0.0.0:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
worker_tmp_dir = "/dev/shm"
# Loaded once before the workers: a wrong setting stops the start instead of being tried for ever.
preload_app = True
control_socket_disable = True
accesslog = "-"
# The path without its query, and no link token: they open accounts.
access_log_format = "%(t)s %(h)s %(m)s %(s)s %(L)ss"
max_requests = 5000
max_requests_jitter = 500
