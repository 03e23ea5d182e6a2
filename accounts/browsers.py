"""A browser as people call it. Only words of these tables are kept: what it says of itself may be anything."""

# The first that is found counts: most browsers say the names of others after their own.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome/": "Chrome",
    "Chromium/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "iPhone": "sur iPhone",
    "iPad": "sur iPad",
    "Android": "sous Android",
    "Windows": "sous Windows",
    "Macintosh": "sous macOS",
    "CrOS": "sous ChromeOS",
    "Linux": "sous Linux",
}


def in_words(user_agent):
    """« Firefox sous Windows »."""
    browser = next((name for mark, name in BROWSERS.items() if mark in user_agent), "Navigateur inconnu")
    system = next((name for mark, name in SYSTEMS.items() if mark in user_agent), "")
    return f"{browser} {system}".strip()
