"""« Mes abonnements aux espaces »: what one has and asked for, and giving it back."""

from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.text import Truncator
from django.views.decorators.http import require_http_methods, require_safe

from plumbing.exports import download
from plumbing.requests import came_from
from plumbing.text import is_key, loose_pattern
from spaces import actions
from spaces.exports import SUBSCRIPTIONS
from spaces.models import Subscription
from structures.models import Structure

PER_PAGE = 50
# Structures whose role's spaces are told; the file tells all.
STRUCTURES_SHOWN = 50
# What comes with the role and goes with it: nobody gives it back.
WITH_ROLE = Q(by_default=True, space__is_free=False)
# A shorter list is read faster than it is searched.
SEARCHED_FROM = 15
# « vue » in the address.
LIVE, OVER = "en-cours", "passes"
# In the address, and in what is posted: the key of each chosen line.
CHOSEN = "abonnement"


class Mine:
    """What of one's own subscriptions is asked for: a view, words."""

    def __init__(self, user, query):
        self.user = user
        self.words = query.get("q", "")[:100].strip()
        self.view = OVER if query.get("vue") == OVER else LIVE

    @property
    def shows_over(self):
        return self.view == OVER

    @property
    def shows_live(self):
        return self.view == LIVE

    @cached_property
    def live_count(self):
        return self.user.subscriptions.live().count()

    @cached_property
    def over_count(self):
        return self.user.subscriptions.exclude(status__in=Subscription.LIVE).count()

    @property
    def searched(self):
        return self.words or (self.over_count if self.shows_over else self.live_count) > SEARCHED_FROM

    @property
    def query(self):
        return urlencode({"vue": self.view} | ({"q": self.words} if self.words else {}))

    @property
    def rows(self):
        """Those that wait first, what comes with the role last; of what is over, the last decided first."""
        rows = self.user.subscriptions.select_related("structure", "space", "service")
        for word in self.words.split():
            named = Q(structure__in=Structure.objects.called(word).values("pk"))
            rows = rows.filter(named | Q(space__label__iregex=loose_pattern(word)))
        if self.shows_over:
            return rows.exclude(status__in=Subscription.LIVE).order_by("-decided_at", "-pk")
        # Two at most of each space, service and structure.
        place = ("structure__legal_name_key", "structure", "space__position", "space", "service__label", "access", "pk")
        return rows.live().order_by("-status", "by_default", *place)

    @property
    def own_rows(self):
        """Without what comes with the role: that is told by structure."""
        return self.rows if self.shows_over else self.rows.exclude(WITH_ROLE)

    def with_role(self):
        """[(structure, its spaces that come with the role)]; how many structures more there are."""
        if self.shows_over:
            return [], 0
        rows = self.rows.filter(WITH_ROLE)
        keys = list(
            rows.order_by("structure__legal_name_key", "structure").values_list("structure", flat=True).distinct()
        )
        found = {}
        for row in rows.filter(structure__in=keys[:STRUCTURES_SHOWN]):
            found.setdefault(row.structure, {})[row.space] = None
        return [(structure, list(spaces)) for structure, spaces in found.items()], len(keys[STRUCTURES_SHOWN:])


@require_safe
def my_subscriptions(request):
    """One's subscriptions, had or asked for, with ticks to delete several; what is over behind a tab."""
    mine = Mine(request.user, request.GET)
    page = Paginator(mine.own_rows, PER_PAGE).get_page(request.GET.get("page"))
    rows, count = list(page), page.paginator.count
    _tell_suspended(request.user, rows)
    with_role, more = mine.with_role()
    context = {
        "page": page,
        "rows": rows,
        "with_role": with_role,
        "more_structures": more,
        "mine": mine,
        "attached": request.user.attachments.lasting().exists(),
        "count_line": f"{count} résultat{'s' if count > 1 else ''}" if mine.words else "",
    }
    return render(request, "spaces/my_subscriptions.html", context)


def _tell_suspended(user, rows):
    """Give each of these lines `suspended`: why one that is approved gives nothing today; empty when it does."""
    given = set(user.subscriptions.effective().filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
    for row in rows:
        row.suspended = ""
        if row.status == row.Status.APPROVED and not row.is_to_come and row.pk not in given:
            row.suspended = _why_suspended(row)


def _why_suspended(row):
    if not row.structure.is_active:
        return "La structure est désactivée"
    if row.service and row.service.standing != row.service.Standing.OPEN:
        return "Le service n'est pas en service"
    return "Le rattachement ne le permet pas aujourd'hui"


@require_safe
def export_my_subscriptions(request, kind):
    """The list at the screen, as it is filtered, as a file."""
    rows = Mine(request.user, request.GET).rows
    return download(request, kind, "mes-abonnements", SUBSCRIPTIONS, rows.iterator(chunk_size=1_000))


@require_http_methods(["GET", "HEAD", "POST"])
def end_subscriptions(request):
    """What goes with each ticked line; POST gives them back."""
    address = reverse("spaces:my_subscriptions")
    back = came_from(request, address) or address
    chosen = _chosen(request.user, request.POST if request.method == "POST" else request.GET)
    if request.method == "POST" and chosen:
        _say(request, chosen, actions.give_back([row.pk for row in chosen], actor=request.user))
        return redirect(back)
    left = [row for row in chosen if row.is_live and row.may_be_given_back]
    if not left:
        _say_nothing_left(request, chosen)
        return redirect(back)
    context = {"rows": left, "back": back, "asked_again": _asked_again(request.user, left)}
    return render(request, "spaces/end_subscriptions.html", context)


def _say_nothing_left(request, chosen):
    if chosen and not any(row.is_live for row in chosen):
        messages.info(request, "C'est déjà supprimé.")
    else:
        messages.error(request, "Cochez au moins un abonnement à supprimer.")


def _asked_again(user, rows):
    """The spaces among these that somebody else must give again, once they are deleted."""
    led = set(user.attachments.effective().principal().order_by().values_list("structure", flat=True))
    again = [row.space for row in rows if not row.space.is_free and row.structure_id not in led]
    return list(dict.fromkeys(again))


def _chosen(user, data):
    """Their own lines among those asked for; 404 when one of them is not theirs."""
    keys = data.getlist(CHOSEN)
    if not all(map(is_key, keys)):
        raise Http404
    rows = user.subscriptions.filter(pk__in=keys).select_related("structure", "space", "service")
    rows = list(rows.order_by("structure__legal_name_key", "space__position", "pk"))
    if len(rows) < len(set(keys)):
        raise Http404
    return rows


def _say(request, chosen, result):
    done = {row.pk for row in result.done}
    ended = [row for row in chosen if row.pk in done]
    ended, waited = [row for row in ended if not row.is_pending], [row for row in ended if row.is_pending]
    if ended:
        what = "L'abonnement est supprimé" if len(ended) == 1 else f"{len(ended)} abonnements sont supprimés"
        messages.success(request, f"{what} : {_named(ended)}.")
    if waited:
        what = "La demande est retirée" if len(waited) == 1 else f"{len(waited)} demandes sont retirées"
        messages.success(request, f"{what} : {_named(waited)}.")
    for _row, refusal in result.skipped:
        messages.error(request, str(refusal))


def _named(rows):
    named = dict.fromkeys(f"{row.space} ({row.get_access_display().lower()})" for row in rows)
    return Truncator(", ".join(named)).chars(200)
