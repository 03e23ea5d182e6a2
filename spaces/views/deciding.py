"""One dossier: read, approved as asked or otherwise, for one or for many; or refused."""

from hashlib import sha256

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils.text import Truncator
from django.views.decorators.http import require_http_methods

from attachments.models import Attachment
from plumbing.moments import moment
from plumbing.requests import carried, perform, posted, submit
from plumbing.text import either, of
from spaces import actions
from spaces.deciders import deciders_on
from spaces.desk import SpacesDesk, dossiers
from spaces.forms import DecisionForm, RefusalForm
from spaces.matrix import namesakes
from spaces.models import WHOLE, Access, Reach, Space, Subscription
from spaces.views.desk import list_address

# More services than this are for « à toute la structure », or for their own person to ask.
SERVICES_SHOWN = 60
SHOWN_AT_ONCE = 20
CONFIRMED, BACK = "confirme", "revenir"


@require_http_methods(["GET", "HEAD", "POST"])
def decide_subscriptions(request, reference):
    """Consult a dossier; POST is « Valider », asked once more where it is for others too."""
    asked = _within_reach(request.user, reference)
    if not asked.is_pending:
        return _decided(request, asked)
    form, reached = _form(request, asked)
    # « Revenir »: what was chosen is shown again, nothing is done.
    if request.method == "POST" and form.is_valid() and BACK not in request.POST:
        others = reached.lines(_kept(asked, form), Reach(form.cleaned_data["reach"]))
        waiting = reached.asked(others)
        if others and request.POST.get(CONFIRMED) != _seal(others, waiting):
            return _confirmation(request, asked, form, others, waiting)
        waits = _not_open(asked)
        done, result = submit(form, actions.decide, reference, actor=request.user, **_terms(form, others))
        if done:
            _say(request, asked, result, [space for space in waits if space not in _not_open(asked)])
            return redirect(list_address(request))
    return render(
        request,
        "spaces/decide_subscriptions.html",
        _about(request, asked) | {"form": form, "place": reached.own},
        status=422 if form.errors else 200,
    )


def _about(request, asked):
    """What of a dossier is not open on its structure, and whether this person may open it."""
    waits = _not_open(asked)
    may_open = request.user.has_perm("attachments.open_spaces", asked.structure)
    # A solid button bound to fail is no button.
    blocked = bool(waits) and not may_open
    openers = deciders_on([asked.structure.pk], besides=asked.user)[asked.structure.pk].openers if blocked else []
    return {"asked": asked, "kept": carried(request), "waits": waits, "blocked": blocked, "openers": either(openers)}


def _terms(form, others):
    chosen = {name: form.cleaned_data[name] for name in ("comment", "reason")}
    return chosen | {
        "lines": form.chosen,
        "reach": Reach(form.cleaned_data["reach"]),
        "others": {line.key for line in others},
    }


def _seal(others, waiting):
    """What a confirmation was about: who joins, asks or is given it before it comes back is shown it anew."""
    keys = [sorted(map(repr, keys)) for keys in ((line.key for line in others), waiting)]
    return sha256(repr(keys).encode()).hexdigest()[:16]


@require_http_methods(["GET", "HEAD", "POST"])
def refuse_subscription(request, reference):
    """« Refuser » all that a dossier asks: asks why; POST refuses."""
    asked = _within_reach(request.user, reference)
    if not asked.is_pending:
        return redirect("spaces:decide_subscriptions", reference)
    form = RefusalForm(posted(request))
    if request.method == "POST" and form.is_valid():
        reason = form.full_reason
        done, result = perform(request, actions.refuse, asked.keys, actor=request.user, reason=reason)
        if done and result.done:
            messages.success(request, f"La demande {of(asked.user)} est refusée ({asked.what}), et le motif envoyé.")
        for _row, refusal in result.skipped if done else ():
            messages.warning(request, str(refusal))
        return redirect(list_address(request))
    context = {"asked": asked, "form": form, "kept": carried(request)}
    return render(request, "spaces/refuse_subscription.html", context, status=422 if form.errors else 200)


def _within_reach(user, reference):
    """The dossier, of what waits if anything does; 404 when it is not theirs to know of."""
    found = SpacesDesk(user).dossiers([reference], pending=False)
    if not found:
        raise Http404
    waiting = [line for line in found[0].lines if line.is_pending]
    return dossiers(waiting)[0] if waiting else found[0]


def _decided(request, asked):
    if request.method == "POST":
        by = asked.decided_by or "le portail"
        messages.info(request, f"Cette demande est déjà décidée par {by} : {moment(asked.decided_at)}.")
        return redirect(list_address(request))
    return render(request, "spaces/decided_subscription.html", {"asked": asked})


def _form(request, asked):
    """(the form, the Reached): what was asked for first, then what can be added."""
    place = Attachment.objects.lasting().filter(user=asked.user, structure=asked.structure).first()
    services = _services(asked, place)
    rows = [(space, service) for space in asked.spaces for service in [None, *services]]
    rows += [(space, None) for space in _others(asked, place)]
    live = Subscription.objects.live().filter(user=asked.user, structure=asked.structure)
    reached = actions.Reached(asked.user, asked.structure, decider=request.user)
    counts = {reach: reached.count(asked.lines, reach) for reach in (Reach.SERVICES, Reach.STRUCTURE)}
    form = DecisionForm(
        rows,
        posted(request),
        live=live,
        asked=asked.keys,
        counts=counts,
        besides_decider=reached.leaves_out_decider,
    )
    return form, reached


def _services(asked, place):
    """Those one may have a line for, what was asked for among them."""
    wanted = {line.service.pk: line.service for line in asked.lines if line.service}
    if place is not None:
        held = asked.structure.services.open() if place.whole_structure else place.services.open()
        wanted |= {service.pk: service for service in held.order_by("label", "pk")[:SERVICES_SHOWN]}
    return sorted(wanted.values(), key=lambda service: (service.label.casefold(), service.pk))


def _others(asked, place):
    """The spaces open there that the manager may give with those asked for: nothing opens by a tick."""
    spaces = [space for space in Space.objects.open_on(asked.structure) if space not in asked.spaces]
    return [space for space in spaces if place and space.is_asked_by(place.role)]


def _not_open(asked):
    """Those asked for that are not open on the structure."""
    opened = set(Space.objects.open_on(asked.structure))
    return [space for space in asked.spaces if space not in opened]


def _kept(asked, form):
    return [actions.Line(asked.user, asked.structure, *line) for line in form.chosen]


def _confirmation(request, asked, form, others, waiting):
    people = list(dict.fromkeys(line.user for line in others))
    waits, askers = _not_open(asked), {line.user.pk for line in others if line.key in waiting}
    context = {
        "asked": asked,
        "form": form,
        "given": [_named(*line) for line in form.chosen],
        "refused": [_named(*line) for line in form.dropped],
        "given_to_others": list(dict.fromkeys(_named(line.space, line.service, line.access) for line in others)),
        "opens": [space for space in waits if space in {space for space, _service, _access in form.chosen}],
        "people_count": len(people),
        "namesakes": namesakes(people),
        "first": people[:SHOWN_AT_ONCE],
        "others": people[SHOWN_AT_ONCE:],
        "reach": Reach(form.cleaned_data["reach"]),
        # Others whose own request this decides.
        "askers": askers,
        "seal": _seal(others, waiting),
    }
    return render(request, "spaces/confirm_reach.html", context)


def _named(space, service, access):
    return f"{space} – {service.label if service else WHOLE} ({Access(access).label.lower()})"


def _say(request, asked, result, opened):
    own = [row for row in result.done if row.user_id == asked.user.pk]
    given, theirs = [row for row in own if row.is_live], [row for row in result.done if row not in own]
    others = len({row.user_id for row in theirs})
    also = f" À {others} autre{'s' if others > 1 else ''} personne{'s' if others > 1 else ''} : {_listed(theirs)}."
    messages.success(request, f"Donné à {asked.user} : {_listed(given)}.{also if others else ''} Un courriel le dit.")
    for space in opened:
        messages.success(request, f"« {space} » est maintenant ouvert sur {asked.structure}.")
    if len(given) < len(own):
        refused = [row for row in own if not row.is_live]
        messages.info(request, f"Refusé à {asked.user} : {_listed(refused)}. Le motif est envoyé.")
    if result.skipped:
        why = result.skipped[0][1]
        messages.warning(request, f"{len(result.skipped)} accès n'ont pas pu être donnés. {why}")


def _listed(rows):
    named = dict.fromkeys(_named(row.space, row.service, row.access) for row in rows)
    return Truncator(", ".join(named)).chars(200)
