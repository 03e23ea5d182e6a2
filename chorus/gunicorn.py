"""How gunicorn runs the portal in production; WEB_CONCURRENCY and WEB_THREADS size it.

A thread serves one request at a time, from its first byte to the last one of the answer: put a buffering reverse
proxy in front (.docker/nginx.conf.template), or as many slow clients as there are threads stop the portal.
"""

import os

from chorus.environment import whole_number

bind = os.environ.get("WEB_BIND") or "0.0.0.0:8000"
workers = whole_number("WEB_CONCURRENCY", 2)
threads = whole_number("WEB_THREADS", 4)
worker_tmp_dir = "/dev/shm"
# A worker whose main loop gives no sign for so many seconds is replaced; requests are not timed.
timeout = 60
# Seconds left at a stop to the requests that run; docker-compose.yml waits a little longer before it kills.
graceful_timeout = 30
keepalive = 5
# Loaded once before the workers: a wrong setting stops the start instead of being tried for ever.
preload_app = True
control_socket_disable = True
accesslog = "-"
# The path without its query, and no link token: they open accounts.
access_log_format = "%(t)s %(h)s %(m)s %(s)s %(L)ss"
max_requests = 5000
max_requests_jitter = 500
