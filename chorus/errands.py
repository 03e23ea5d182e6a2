"""What waits for support: the same lines on the site's home and on the admin's first page. Only reads."""

from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from accounts.models import LinkRequest, User
from attachments.models import Attachment
from directory.models import DirectoryImport
from notifications.models import OutgoingMail
from registration.models import AddressCorrection, Submission
from support.models import Ticket


@dataclass(frozen=True)
class Errand:
    """What waits for support: how many, in words, what to do about it, and the list of exactly those."""

    count: int
    words: str
    advice: str
    address: str


def changelist(model, filters=""):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") + filters


def requests_errand(waiting):
    """The `waiting` requests nobody else decides, which the site's desk lists."""
    words = "demande attend votre décision" if waiting == 1 else "demandes attendent votre décision"
    return Errand(waiting, words, "Personne d'autre ne peut en décider.", reverse("attachments:pending_requests"))


def errands():
    """Everything else that waits for support; kinds of which there is nothing are left out."""

    def line(rows, one, many, advice, address):
        count = rows.count()
        return Errand(count, one if count == 1 else many, advice, address)

    unseen = Attachment.objects.current().principal().filter(user__activated_at=None)
    imports = DirectoryImport.objects
    lines = [
        line(
            Ticket.objects.waiting(),
            "sollicitation attend votre réponse",
            "sollicitations attendent votre réponse",
            "Les plus anciennes d'abord ; prenez-en une avant d'y répondre.",
            changelist(Ticket, "?status__exact=in_progress"),
        ),
        line(
            unseen,
            "gestionnaire principal n'a jamais activé son compte",
            "gestionnaires principaux n'ont jamais activé leur compte",
            f"Le rôle est retiré au bout de {settings.PRINCIPAL_ACTIVATION_DAYS} jours : "
            "le lien d'activation se renvoie depuis le compte.",
            changelist(Attachment, "?account=unseen"),
        ),
        line(
            User.objects.overdue(),
            "compte désactivé n'a pas pu être clos",
            "comptes désactivés n'ont pas pu être clos",
            "Gestionnaire principal quelque part : désignez-en un autre. Sinon, prévenez l'exploitant.",
            changelist(User, "?closing=late"),
        ),
        line(
            imports.filter(state__in=DirectoryImport.UNDER_WAY),
            "import de l'annuaire est en attente ou en cours",
            "imports de l'annuaire sont en attente ou en cours",
            "Rien à faire : chaque import avance sans vous.",
            changelist(DirectoryImport, "?state__in=waiting,running"),
        ),
        line(
            imports.filter(state=DirectoryImport.State.FAILED),
            "import de l'annuaire s'est interrompu",
            "imports de l'annuaire se sont interrompus",
            "Reprenez-le depuis sa page : il continue là où il s'est arrêté.",
            changelist(DirectoryImport, "?state__exact=failed"),
        ),
        line(
            OutgoingMail.objects.filter(state=OutgoingMail.State.FAILED),
            "courriel n'a pas pu partir",
            "courriels n'ont pas pu partir",
            "Lisez l'erreur, corrigez l'adresse s'il le faut, puis renvoyez.",
            changelist(OutgoingMail, "?state__exact=failed"),
        ),
        line(
            Submission.objects.failing(),
            "inscription n'a pas pu être traitée",
            "inscriptions n'ont pas pu être traitées",
            "Le portail réessaie seul ; si cela dure, prévenez l'exploitant.",
            changelist(Submission, "?tries=failed"),
        ),
        line(
            AddressCorrection.objects.failing(),
            "adresse corrigée n'a pas pu être reprise",
            "adresses corrigées n'ont pas pu être reprises",
            "Le portail réessaie seul ; si cela dure, prévenez l'exploitant.",
            changelist(AddressCorrection, "?tries=failed"),
        ),
        line(
            LinkRequest.objects.failing(),
            "demande de lien n'a pas pu être traitée",
            "demandes de lien n'ont pas pu être traitées",
            "Le portail réessaie seul ; si cela dure, prévenez l'exploitant.",
            changelist(LinkRequest, "?tries=failed"),
        ),
    ]
    return [errand for errand in lines if errand.count]
