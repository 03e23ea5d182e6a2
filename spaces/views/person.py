"""What somebody has of spaces, on their page among the people of a structure."""

from urllib.parse import urlencode

from django.urls import reverse

from attachments.views.person import add_section


def _section(user, place):
    """Their lines there, by space, that do not come with the role; none for who knows nothing of spaces there."""
    if place.standing == place.Standing.OVER or not user.has_perm("spaces.view_spaces", place.structure):
        return None
    lines = place.user.subscriptions.live().filter(structure=place.structure_id, by_default=False)
    rows = {}
    for line in lines.select_related("space", "service").order_by("space__position", "service__label", "access", "pk"):
        rows.setdefault(line.space, []).append(line)
    query = urlencode({"q": str(place.user)})
    return {
        "rows": list(rows.items()),
        "address": f"{reverse('spaces:space_matrix', args=[place.structure_id])}?{query}",
    }


add_section("spaces/person_section.html", _section)
