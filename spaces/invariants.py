"""What must always hold of subscriptions, with what holds of the places they stand on: `manage.py check_invariants`."""

from django.db.models import Exists, F, OuterRef, Q

from accounts.models import User
from attachments.invariants import holds
from spaces.models import Space, StructureSpace, Subscription


@holds("Un abonnement en cours tient à un rattachement de sa personne, qui couvre son service.")
def subscriptions_without_a_place():
    return Subscription.objects.beyond_places()


@holds("Le service d'un abonnement est de sa structure.")
def subscriptions_to_foreign_services():
    return Subscription.objects.exclude(service=None).exclude(service__structure=F("structure"))


@holds("Un abonnement validé l'est à un espace ouvert sur sa structure.")
def subscriptions_to_closed_spaces():
    opened = StructureSpace.objects.current().filter(space=OuterRef("space"), structure=OuterRef("structure"))
    everywhere = Space.objects.open_everywhere().values("pk")
    approved = Subscription.objects.filter(status=Subscription.Status.APPROVED)
    return approved.exclude(Q(space__in=everywhere) | Q(Exists(opened.order_by())))


@holds("Un compte désactivé ou clos ne demande plus aucun espace.")
def subscriptions_asked_by_disabled_accounts():
    return Subscription.objects.pending().filter(user__state__in=[User.State.DISABLED, User.State.CLOSED])
