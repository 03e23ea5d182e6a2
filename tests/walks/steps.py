"""Steps that several walks take."""

PASSWORD = "un long mot de passe"


def log_in(page, site, email, password=PASSWORD):
    page.goto(f"{site}/connexion/")
    page.get_by_label("Adresse de connexion").fill(email)
    page.get_by_label("Mot de passe").fill(password)
    page.get_by_role("button", name="Se connecter").click()


# The element that has the focus, and whether that shows.
_FOCUSED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body || element === document.documentElement) return null;
  if (!element.dataset.seen) element.dataset.seen = Math.random();
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return {
    key: element.dataset.seen,
    name: element.outerHTML.slice(0, 120),
    ring: style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 3,
    sized: box.width > 0 && box.height > 0,
  };
}"""
MOST_CONTROLS = 400


def every_control_shows_focus(page):
    """Tab through the whole page: each control that gets the focus is shown and has a ring of 3 px. How many."""
    page.evaluate("() => { document.activeElement?.blur(); window.getSelection().removeAllRanges(); }")
    seen = []
    for _ in range(MOST_CONTROLS):
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        if focused is None or focused["key"] in seen:
            break
        seen.append(focused["key"])
        assert focused["ring"], f"{page.url}: no ring on {focused['name']}"
        assert focused["sized"], f"{page.url}: focus out of sight on {focused['name']}"
    assert seen, f"{page.url}: nothing takes the focus"
    return len(seen)


# Controls without a ring of 3 px once focused.
_WITHOUT_RING = """() => {
  const controls = document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary");
  return [...controls].filter((control) => {
    if (!control.checkVisibility() || control.disabled) return false;
    control.focus({ preventScroll: true });
    const style = getComputedStyle(control);
    return document.activeElement === control &&
      !(style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 3);
  }).map((control) => control.outerHTML.slice(0, 120));
}"""


def focus_is_seen(page):
    """Each control of the page has a ring of 3 px once it is focused."""
    # After a Tab the browser shows focus as it does for a keyboard.
    page.keyboard.press("Tab")
    assert page.evaluate(_WITHOUT_RING) == [], page.url


def nothing_overflows(page, width):
    """The page scrolls one way only at this width."""
    # After a click the next page may have begun, and hold nothing yet.
    page.wait_for_load_state()
    page.set_viewport_size({"width": width, "height": 844})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"{page.url}: {wide} px at {width}"
