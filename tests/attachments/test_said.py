"""What the manager's pages say of what will happen and of what happened: true, and no more than they may know."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from attachments.actions import approve_request, approve_requests, leave_rights, name_deputy
from attachments.models import Attachment, AttachmentRequest, Right, Role
from history.models import Event, HistoryEntry
from notifications.models import OutgoingMail
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate
DAY = timedelta(days=1)


@pytest.fixture
def structure(client):
    """Where the person at the screen is principal manager."""
    structure = StructureFactory(legal_name="Collège Jean Macé")
    client.manager = AttachmentFactory(
        structure=structure, role=Role.PRINCIPAL, user__first_name="Claire", user__last_name="Zola"
    ).user
    client.force_login(client.manager)
    return structure


def said(answer):
    """The notes of the page, and its words, as typed."""
    return " ".join(answer.text.replace("\N{NO-BREAK SPACE}", " ").replace("’", "'").replace("&#x27;", "'").split())


def place(**typed):
    return {"role": "simple", "scope": "whole", "starts_on": TODAY().isoformat(), "ends_on": ""} | typed


@pytest.mark.parametrize("chosen", [True, False])
def test_a_request_that_attaching_approves_is_said_before(client, structure, chosen):
    asked = AttachmentRequestFactory(structure=structure)
    AttachmentFactory(structure=structure, user=asked.user, ended_at=timezone.now())
    address = f"/structures/{structure.pk}/personnes/rattacher/"
    address, typed = (f"{address}?personne={asked.user_id}", {}) if chosen else (address, {"email": asked.user.email})
    assert ("Examiner la demande" in said(client.get(address))) is chosen
    answer = client.post(address, place(**typed))
    assert answer.status_code == 422
    for words in ("Rien n'est encore fait", f"/demandes/{asked.reference}/", "valide cette demande"):
        assert words in said(answer)
    assert not structure.attachments.lasting().filter(user=asked.user).exists()
    answer = client.post(address, place(demande=asked.reference, **typed), follow=True)
    assert f"Rattachement fait : {asked.user}" in said(answer)
    assert f"Sa demande, dossier n° {asked.spaced_reference}, est validée" in said(answer)
    assert AttachmentRequest.objects.get().status == "approved"


def test_duplicating_says_whose_waiting_request_it_approves_before_and_after(client, structure):
    source = AttachmentFactory(structure=structure)
    elsewhere = AttachmentFactory(user=client.manager, role=Role.PRINCIPAL).structure
    asked, later = (
        AttachmentRequestFactory(structure=structure, user=AttachmentFactory(structure=elsewhere).user)
        for _ in range(2)
    )
    address = f"/structures/{structure.pk}/personnes/{source.pk}/dupliquer/"
    chosen = {"personne": [asked.user_id, later.user_id]}
    shown = said(client.post(address, chosen))
    assert asked.spaced_reference in shown and "est validée du même coup" in shown
    posted = chosen | {"confirme": "1", "demande": [asked.reference]}
    # The other one's came after that page was shown: it is said first.
    assert "Une demande est arrivée entre-temps" in said(client.post(address, posted))
    assert AttachmentRequest.objects.pending().count() == 2
    posted["demande"].append(later.reference)
    answer = said(client.post(address, posted, follow=True))
    assert "2 demandes en attente sont validées" in answer
    assert not AttachmentRequest.objects.pending().exists()


def test_attached_to_several_structures_is_one_note(client, structure):
    other = AttachmentFactory(user=client.manager, role=Role.PRINCIPAL).structure
    typed = place(email=UserFactory().email, others=[other.pk])
    answer = client.post(f"/structures/{structure.pk}/personnes/rattacher/", typed, follow=True)
    (note,) = map(str, answer.context["messages"])
    assert note.count("Rattachement fait") == 2
    assert note.count("Un courriel") == 1


@pytest.mark.parametrize("begins", [0, 9])
def test_a_place_to_come_is_said_to_come_with_its_end(client, structure, begins):
    person = UserFactory(email="lou@exemple.example")
    day, end = TODAY() + begins * DAY, TODAY() + 30 * DAY
    typed = place(email=person.email, starts_on=day.isoformat(), ends_on=end.isoformat())
    text = said(client.post(f"/structures/{structure.pk}/personnes/rattacher/", typed, follow=True))
    assert (f"Rattachement prévu : {person}" in text) is (begins > 0)
    assert ("toute la structure, à partir du" in text) is (begins > 0)
    assert "jusqu'au" in text
    mail = OutgoingMail.objects.get()
    assert ("Vous serez rattaché le" in mail.subject) is (begins > 0)
    assert ("a prévu de vous rattacher" in mail.parts()[0]) is (begins > 0)


@pytest.mark.parametrize("begins", [0, 9])
def test_an_approval_says_when_it_begins(structure, client, begins):
    request = AttachmentRequestFactory(structure=structure, starts_on=TODAY() + begins * DAY)
    approve_request(request.pk, actor=client.manager)
    assert ("est prévu à partir du" in OutgoingMail.objects.get(slug="request_approved").parts()[0]) is (begins > 0)


def test_a_new_role_is_told_with_what_it_lets_do(client, structure):
    row = AttachmentFactory(structure=structure)
    address = f"/structures/{structure.pk}/personnes/{row.pk}/"
    version = client.get(f"{address}modifier/").context["form"]["version"].value()
    text = said(client.post(f"{address}modifier/", place(role="secondary", version=version), follow=True))
    assert f"Rattachement modifié : {row.user}, gestionnaire secondaire, toute la structure." in text
    assert "Droits : décider des demandes de rattachement," in text
    assert "consulter l'historique." not in text
    rights = client.post(f"/structures/{structure.pk}/droits/", {"view_history": "on"}, follow=True)
    assert "Droits enregistrés pour 1 gestionnaire secondaire : consulter l'historique." in said(rights)


def test_rights_set_apart_are_counted_apart(client, structure):
    AttachmentFactory(structure=structure, role=Role.SECONDARY, view_history=False)
    AttachmentFactory.create_batch(2, structure=structure, role=Role.SECONDARY)
    text = said(client.post(f"/structures/{structure.pk}/droits/", {}, follow=True))
    assert "Droits enregistrés pour 2 gestionnaires secondaires, en dehors de 1 dont les droits sont réglés" in text
    assert "réglés à part : aucun droit ne leur est laissé." in text


def test_the_list_the_tab_and_activities_count_the_same_people(client, structure):
    AttachmentFactory(structure=structure, starts_on=TODAY() + DAY)
    AttachmentFactory(structure=structure, starts_on=TODAY() - 9 * DAY, ends_on=TODAY() - DAY)
    AttachmentFactory(structure=structure, ended_at=timezone.now())
    assert Attachment.objects.counted([structure.pk]) == {structure.pk: 2}
    assert client.get(f"/structures/{structure.pk}/personnes/").context["page"].paginator.count == 2
    assert [row.people_count for row in client.get("/activites/").context["places"]] == [2]


@pytest.mark.parametrize("tail", ["", "refus/"])
@pytest.mark.parametrize(("role", "status"), [(Role.SECONDARY, 403), (Role.SIMPLE, 404), (None, 404)])
def test_a_right_withdrawn_while_deciding(client, structure, tail, role, status):
    request = AttachmentRequestFactory(structure=structure, user__last_name="Tanguy")
    user = AttachmentFactory(structure=structure, role=role).user if role else UserFactory()
    leave_rights(structure.pk, actor=client.manager, rights=dict.fromkeys(Right, False))
    client.force_login(user)
    address = f"/demandes/{request.reference}/{tail}"
    answer = client.post(address, {"role": "simple", "scope": "whole", "reason": "Non"})
    assert answer.status_code == status
    assert ("Rien n'a été décidé" in said(answer)) is (status == 403)
    assert ("Peut décider aujourd'hui : Claire Zola" in said(answer)) is (status == 403)
    assert "Tanguy" not in answer.text
    assert "Rien n'a été décidé" not in said(client.get(address))
    assert AttachmentRequest.objects.get().is_pending


def test_those_whose_place_ends_soon_are_a_click_away(client, structure):
    AttachmentFactory.create_batch(7, structure=structure, ends_on=TODAY() + DAY)
    listed = f"/structures/{structure.pk}/personnes/?statut=ending&amp;tri=fin"
    home = client.get("/")
    assert [(row, number) for row, number in home.context["ending_more"]] == [(structure, 2)]
    assert listed in home.text
    people = f"/structures/{structure.pk}/personnes/"
    assert "7 rattachements se terminent d'ici à 30 jours" in said(client.get(people))
    assert "se terminent d'ici" not in said(client.get(f"{people}?statut=ending"))


def test_a_mistyped_domain_is_doubted_once(client, structure):
    address = f"/structures/{structure.pk}/personnes/nouveau/"
    wrong = {"email": "lou@gmial.com", "email_again": "lou@gmial.com", "first_name": "Lou", "last_name": "Petit"}
    answer = client.post(address, place(**wrong))
    assert answer.status_code == 422
    assert "Vouliez-vous écrire lou@gmail.com ?" in said(answer)
    assert not User.objects.filter(last_name="Petit").exists()
    again = answer.context["form"]["meant"].value()
    client.post(address, place(**wrong, meant=again))
    client.post(address, place(**wrong, meant=again, corrected="lou@gmail.com"))
    emails = User.objects.filter(last_name="Petit").order_by("pk").values_list("email", flat=True)
    assert list(emails) == ["lou@gmial.com", "lou@gmail.com"]
    attach = client.post(f"/structures/{structure.pk}/personnes/rattacher/", place(email="anne@gmial.com"))
    assert "Aucun compte ne porte cette adresse. Vouliez-vous écrire anne@gmail.com ?" in said(attach)


def test_the_history_says_who_was_stood_in_for_and_when(client, structure):
    row = AttachmentFactory(structure=structure)
    days = {"starts_on": TODAY(), "ends_on": TODAY() + 9 * DAY}
    name_deputy(structure.pk, row.user_id, actor=client.manager, **days)
    request = AttachmentRequestFactory(structure=structure)
    approve_request(request.pk, actor=row.user)
    text = said(client.get(f"/structures/{structure.pk}/historique/"))
    assert text.count("en suppléance de Claire Zola") == 1
    assert "du " in text
    named = next(line for line in client.get("/historique/").context["rows"] if line.event == Event.DEPUTY_NAMED)
    assert (named.deputyship, named.gist[:3]) == (None, "du ")
    entry = HistoryEntry.objects.get(event=Event.REQUEST_APPROVED)
    assert "en suppléance de Claire Zola" in said(client.get(f"/historique/{entry.pk}/"))
    assert f"{row.user}, en suppléance de Claire Zola" in client.get("/historique/export.csv").getvalue().decode()
    assert "en suppléance de Claire Zola" in said(client.get("/activites/"))


def test_what_an_approval_started_is_one_line_with_it(client, structure):
    requests = AttachmentRequestFactory.create_batch(3, structure=structure)
    approve_requests([request.pk for request in requests], actor=client.manager)
    address = f"/structures/{structure.pk}/historique/"
    events = [line.event for line in client.get(address).context["rows"]]
    assert events == [Event.REQUEST_APPROVED] * 3
    kept = [line.event for line in client.get(f"{address}?kind=rattachements").context["rows"]]
    assert kept == [Event.ATTACHMENT_STARTED] * 3
    assert [entry.event for entry in client.get("/activites/").context["entries"]] == events
    entry = HistoryEntry.objects.filter(event=Event.REQUEST_APPROVED).first()
    (followed,) = client.get(f"/historique/{entry.pk}/").context["followed"]
    assert (followed.event, followed.subject) == (Event.ATTACHMENT_STARTED, entry.subject)
    AttachmentFactory(structure=structure)
    assert len(client.get(f"{address}export.csv").getvalue().decode().splitlines()) == 7
