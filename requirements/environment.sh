#!/bin/sh
# environment.sh SET: make .venv hold what requirements/SET.txt says, on a bare Debian or Ubuntu.
set -eu
cd "$(dirname "$0")/.."
lock="requirements/$1.txt"
stamp=".venv/installed-$1"

find_python() {
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            echo "$name"
            return
        fi
    done
    echo "Python 3.11 ou plus récent est introuvable. Tapez : apt-get install python3" >&2
    exit 1
}

if [ ! -x .venv/bin/pip ]; then
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
            echo "Il manque de quoi créer un environnement Python. Tapez : sudo apt-get install python$version-venv" >&2
            exit 1
        fi
        apt-get update -qq
        apt-get install -y -qq "python$version-venv" >/dev/null
    fi
    "$python" -m venv --clear .venv
fi

if ! cmp -s "$lock" "$stamp"; then
    echo "Installation des paquets de $lock (une à deux minutes la première fois)…"
    .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
    cp "$lock" "$stamp"
fi
