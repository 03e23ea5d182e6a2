"""`python -m tests.browser`: make sure there is a Chromium, or say the one command to type."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "Chromium est introuvable, et les tests en ont besoin. Tapez : sudo apt-get install chromium"
# A container has no user namespaces, GPU or network of its own.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find():
    """The path of a Chromium that starts, or None."""
    for name in NAMES:
        path = shutil.which(name)
        # Ubuntu's chromium-browser may be a stub that only speaks of snap.
        if path and subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return path
    return playwrights_own()


def playwrights_own():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.path.exists(path) else None


def install():
    """As root: Debian's package, else Playwright's own build."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installation de Chromium…", flush=True)
        subprocess.run(["apt-get", "update", "-qq"], stdout=subprocess.DEVNULL)
        subprocess.run(["apt-get", "install", "-y", "-qq", "chromium"], stdout=subprocess.DEVNULL)
        if not find():
            subprocess.run([sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"])


if __name__ == "__main__":
    if not find():
        install()
    if not find():
        raise SystemExit(MISSING)
