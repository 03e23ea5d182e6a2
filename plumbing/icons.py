"""The portal's icons: line drawings on a 20 × 20 grid, put straight into the page so that they take its colours."""

from django.utils.safestring import mark_safe

_PATHS = {
    "menu": '<path d="M3 5.5h14M3 10h14M3 14.5h14"/>',
    "chevron": '<path d="m5 8 5 5 5-5"/>',
    "arrow": '<path d="M4 10h12m-5-5 5 5-5 5"/>',
    "person": '<circle cx="10" cy="7" r="3.2"/><path d="M3.8 17c.6-3.4 3-5 6.2-5s5.6 1.6 6.2 5"/>',
    "building": '<path d="M3.5 17V6L10 3l6.5 3v11zM7.5 9h1m3 0h1m-5 3.5h1m3 0h1"/>',
    "exit": '<path d="M8 3.5H4v13h4M8.5 10H17m-3.5-3.5L17 10l-3.5 3.5"/>',
    "clock": '<circle cx="10" cy="10" r="7.2"/><path d="M10 6v4.2l2.8 1.8"/>',
    "check": '<path d="m4 10.5 4 4 8-9"/>',
    "cross": '<path d="m5 5 10 10M15 5 5 15"/>',
    "dash": '<path d="M5 10h10"/>',
    "plus": '<path d="M10 4v12M4 10h12"/>',
    "warning": '<path d="M10 3 18 16.5H2z"/><path d="M10 8.2v3.6M10 14.2v.1"/>',
    "info": '<circle cx="10" cy="10" r="7.2"/><path d="M10 9.2v4.3M10 6.5v.1"/>',
    "mail": '<path d="M2.8 4.8h14.4v10.4H2.8zM3 5.5l7 5.5 7-5.5"/>',
    "pencil": '<path d="m4 16 .8-3.5 8.7-8.7 2.7 2.7-8.7 8.7z"/>',
    "search": '<circle cx="8.8" cy="8.8" r="5.3"/><path d="m12.8 12.8 4 4"/>',
    "download": '<path d="M10 3.5v9m-4-4 4 4 4-4M4 16.5h12"/>',
    "refresh": '<path d="M16 6.5A6.8 6.8 0 1 0 16.8 11M16.2 3v3.8h-3.8"/>',
    "sound": '<path d="M3.5 8v4h2.8L10 15V5L6.3 8zM13 7.5a3.5 3.5 0 0 1 0 5M15.3 5.3a6.6 6.6 0 0 1 0 9.4"/>',
    "bank": '<path d="M3 8 10 3.5 17 8zM5 8.5v6m3.3-6v6m3.4-6v6m3.3-6v6M3 16.5h14"/>',
    "shield": '<path d="M10 2.8 16 5v5c0 3.6-2.4 6-6 7.4C6.4 16 4 13.6 4 10V5z"/>',
    "settings": (
        '<path d="M3.5 6h6m4 0h3M3.5 14h3m4 0h6"/><circle cx="11.5" cy="6" r="2"/><circle cx="8.5" cy="14" r="2"/>'
    ),
}
ICONS = {
    name: mark_safe(f'<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">{path}</svg>')
    for name, path in _PATHS.items()
}
