"""`python -m tests.browser`: make sure there is a Chromium, or say the one command to type."""

import os
import shutil
import subprocess
import sys

# Chromium without its windows: a third of the work for the same pages.
SHELL = "chromium-headless-shell"
NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
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


def may_install():
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def offers(package):
    """Whether apt knows where to get it."""
    return subprocess.run(["apt-cache", "show", package], capture_output=True).returncode == 0


def install():
    """As root: Debian's packages, the light one where there is one; else Playwright's own build."""
    print("Installation de Chromium…", flush=True)
    if not offers(SHELL):
        subprocess.run(["apt-get", "update", "-qq"], stdout=subprocess.DEVNULL)
    for package in (SHELL, "chromium"):
        if package == SHELL or not find():
            subprocess.run(["apt-get", "install", "-y", "-qq", package], stdout=subprocess.DEVNULL)
    if not find():
        subprocess.run([sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"])


if __name__ == "__main__":
    # Where another one is there already, the light one is worth a download, not a failure.
    if may_install() and (not find() or (not shutil.which(SHELL) and offers(SHELL))):
        install()
    if not find():
        raise SystemExit(MISSING)
