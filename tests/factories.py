from itertools import count

import factory
from django.utils import timezone
from schwifty import IBAN
from stdnum import luhn

from accounts.models import OpenSession, Passkey, User
from attachments.models import Attachment, AttachmentRequest
from directory.models import DirectoryEntry, DirectoryImport
from documents.models import SupportingDocument, new_key
from notifications.models import OutgoingMail
from plumbing.references import LENGTH
from spaces.models import Subscription
from structures.models import BankAccount, Service, Structure
from support.models import Message, Ticket, TicketFile

# Of structures and directory entries together: what lives here is not in the directory by accident.
establishments = count()
# Drawn in turn: thousands drawn at random would meet twice.
references = count(10 ** (LENGTH - 2))


def siret_number(number):
    siren = f"9{number:07d}"
    siren += luhn.calc_check_digit(siren)
    return (nic := f"{siren}0001") + luhn.calc_check_digit(nic)


def next_reference():
    digits = str(next(references))
    return digits + luhn.calc_check_digit(digits)


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User

    class Params:
        pending = factory.Trait(state=User.State.PENDING, activated_at=None)
        activating = factory.Trait(state=User.State.ACTIVATING, activated_at=None)
        closed = factory.Trait(state=User.State.CLOSED, closed_at=factory.LazyFunction(timezone.now))
        staff = factory.Trait(is_staff=True)

    email = factory.Sequence(lambda n: f"personne{n}@exemple.example")
    first_name = "Anne"
    # A letter for each digit: names are letters.
    last_name = factory.Sequence(lambda n: "Nom" + "".join("abcdefghij"[int(digit)] for digit in str(n)))
    state = User.State.ACTIVE
    activated_at = factory.LazyFunction(timezone.now)
    reference = factory.LazyFunction(next_reference)
    password = "!"


class OpenSessionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = OpenSession

    user = factory.SubFactory(UserFactory)
    session_key = factory.Sequence(lambda n: f"cle{n}")
    browser = "Firefox sous Windows"


class PasskeyFactory(factory.django.DjangoModelFactory):
    """A row as if a key had made it: nothing it would sign is right."""

    class Meta:
        model = Passkey

    user = factory.SubFactory(UserFactory)
    name = "Téléphone"
    credential_id = factory.Sequence(lambda n: f"cle{n:05}")
    public_key = b"x"


class StructureFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Structure

    class Params:
        private = factory.Trait(nature="private")

    identifier = factory.LazyFunction(lambda: siret_number(next(establishments)))
    nature = "public"
    legal_name = factory.Sequence(lambda n: f"Collège {n}")
    city = "Rennes"


class ServiceFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Service

    structure = factory.SubFactory(StructureFactory)
    code = factory.Sequence(lambda n: f"S{n}")
    label = factory.Sequence(lambda n: f"Service {n}")


def iban_number(number):
    return str(IBAN.generate("FR", bank_code="30006", branch_code="00001", account_code=f"{number:011d}"))


class BankAccountFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = BankAccount

    structure = factory.SubFactory(StructureFactory)
    label = factory.Sequence(lambda n: f"Compte {n}")
    holder = "Agent comptable"
    iban = factory.Sequence(iban_number)
    bic = "AGRIFRPPXXX"
    bank = "CREDIT AGRICOLE SA"


class AttachmentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Attachment

    user = factory.SubFactory(UserFactory)
    structure = factory.SubFactory(StructureFactory)


class AttachmentRequestFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = AttachmentRequest

    user = factory.SubFactory(UserFactory, pending=True)
    structure = factory.SubFactory(StructureFactory)
    reference = factory.LazyFunction(next_reference)


class SubscriptionFactory(factory.django.DjangoModelFactory):
    """A row as if it had been asked for and approved; `space` comes from the catalogue."""

    class Meta:
        model = Subscription

    user = factory.SubFactory(UserFactory)
    structure = factory.SubFactory(StructureFactory)
    access = "consultation"
    status = "approved"
    reference = factory.LazyFunction(next_reference)


class DirectoryEntryFactory(StructureFactory):
    class Meta:
        model = DirectoryEntry


class DirectoryImportFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = DirectoryImport

    class Params:
        running = factory.Trait(state=DirectoryImport.State.RUNNING, heartbeat=factory.LazyFunction(timezone.now))
        failed = factory.Trait(state=DirectoryImport.State.FAILED, error="Le fichier s'arrête au milieu d'une ligne.")

    # A row as if its file were there.
    file = "annuaire/essai.csv"
    file_name = factory.Sequence(lambda n: f"annuaire-{n}.csv")
    kind = DirectoryImport.Kind.PORTAL
    size = 1000
    started_by = factory.SubFactory(UserFactory, staff=True)


class SupportingDocumentFactory(factory.django.DjangoModelFactory):
    """A row as if its file were there; files are added by the action."""

    class Meta:
        model = SupportingDocument

    owner = factory.SubFactory(UserFactory)
    designation = factory.Sequence(lambda n: f"Pièce {n}")
    type = SupportingDocument.Type.OTHER
    file = factory.LazyFunction(new_key)
    original_name = factory.Sequence(lambda n: f"piece-{n}.pdf")
    size = 1_000
    content_type = "application/pdf"
    state = SupportingDocument.State.READY


class TicketFactory(factory.django.DjangoModelFactory):
    """A ticket that waits for support, with its first message."""

    class Meta:
        model = Ticket
        skip_postgeneration_save = True

    class Params:
        claim = factory.Trait(
            category="manager_gone",
            structure=factory.SubFactory(StructureFactory),
            answers=factory.LazyAttribute(
                lambda o: {
                    "siret": o.structure.identifier,
                    "legal_name": o.structure.legal_name,
                    "target_name": str(o.author),
                    "target_login": o.author.email,
                }
            ),
        )

    reference = factory.LazyFunction(next_reference)
    category = "general"
    status = "in_progress"
    author = factory.SubFactory(UserFactory)
    subject = factory.Sequence(lambda n: f"Question {n}")
    sent_at = factory.LazyFunction(timezone.now)
    waiting_since = factory.LazyFunction(timezone.now)

    @factory.post_generation
    def first_message(self, create, extracted, **kwargs):
        if self.status != "draft":
            Message.objects.create(ticket=self, author=self.author, text="Bonjour, une question.")


class TicketFileFactory(factory.django.DjangoModelFactory):
    """A row as if its file were there."""

    class Meta:
        model = TicketFile

    ticket = factory.SubFactory(TicketFactory)
    added_by = factory.SelfAttribute("ticket.author")
    file = factory.LazyFunction(new_key)
    original_name = "piece.pdf"
    size = 1_000
    content_type = "application/pdf"
    state = TicketFile.State.READY


class OutgoingMailFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = OutgoingMail

    slug = "essai"
    to = factory.Sequence(lambda n: f"destinataire{n}@exemple.example")
    subject = "Essai"
    message = b"Subject: Essai\r\n\r\nEssai"
