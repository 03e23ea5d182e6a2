"""« Mes rattachements aux structures »: following, taking back, correcting what one asked for; leaving."""

from datetime import date, timedelta

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from attachments.actions import (
    approve_request,
    detach,
    leave_structures,
    refuse_request,
    send_request,
    withdraw_request,
)
from attachments.models import Attachment, AttachmentRequest, Deputy, Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from tests.conftest import as_typed
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]

PAGE, LEAVING, SUCCESSION = "/mes-rattachements/", "/mes-rattachements/suppression/", "/mes-rattachements/succession/"


@pytest.fixture
def person(client):
    user = UserFactory(email="anne@exemple.example")
    client.force_login(user)
    return user


@pytest.fixture
def managed():
    structure = StructureFactory(legal_name="Collège Jean Macé")
    AttachmentFactory(
        structure=structure,
        role=Role.PRINCIPAL,
        user__first_name="Claire",
        user__last_name="Fontaine",
        user__email="claire@exemple.example",
    )
    return structure


def withdrawal(request):
    return f"{PAGE}demandes/{request.reference}/retrait/"


def mails():
    return sorted(OutgoingMail.objects.values_list("slug", "to"))


def events():
    return list(HistoryEntry.objects.order_by("pk").values_list("event", flat=True))


def in_days(number):
    return timezone.localdate() + timedelta(days=number)


# The actions


def test_taking_a_request_back_is_journaled_and_told_to_those_who_decide(person, managed):
    AttachmentFactory(structure=managed, role=Role.SECONDARY, user__state="disabled")
    AttachmentFactory(structure=managed, role=Role.SIMPLE)
    wanted = AttachmentRequestFactory(user=person, structure=managed)
    withdraw_request(wanted.pk, actor=person)
    wanted.refresh_from_db()
    assert (wanted.status, wanted.decided_by) == ("withdrawn", person)
    entry = HistoryEntry.objects.get()
    assert (entry.event, entry.actor, entry.subject, entry.structure, entry.reference) == (
        "request_withdrawn", person, person, managed, wanted.reference,
    )  # fmt: skip
    assert mails() == [("request_withdrawn", "claire@exemple.example")]


def test_where_nobody_decides_support_is_told(person):
    wanted = AttachmentRequestFactory(user=person)
    withdraw_request(wanted.pk, actor=person)
    assert mails() == [("request_withdrawn", "assistance@portail.example")]


def test_asking_and_taking_back_again_and_again_does_not_flood_who_decides(person, managed, settings):
    settings.DECIDER_MAIL_RATE = "2/h"
    for _ in range(4):
        withdraw_request(AttachmentRequestFactory(user=person, structure=managed).pk, actor=person)
    assert len(mails()) == 2


@pytest.mark.parametrize("status", ["approved", "refused", "withdrawn"])
def test_what_is_decided_is_not_taken_back(person, status):
    wanted = AttachmentRequestFactory(user=person, status=status, reason="Non")
    with pytest.raises(ActionError) as refusal:
        withdraw_request(wanted.pk, actor=person)
    assert refusal.value.code == "already_decided"
    assert (events(), mails()) == ([], [])


def test_leaving_ends_the_places_in_one_mail(person, managed):
    simple = AttachmentFactory(user=person, structure=managed)
    secondary = AttachmentFactory(user=person, role=Role.SECONDARY, structure__legal_name="Lycée Simone Veil")
    departure = leave_structures(person, [simple.pk, secondary.pk], actor=person)
    assert (len(departure.done), departure.skipped) == (2, [])
    assert not person.attachments.current().exists()
    assert events() == ["attachment_ended"] * 2
    mail = OutgoingMail.objects.get()
    assert (mail.slug, mail.to) == ("attachment_ended", person.email)
    for body in mail.parts():
        assert "Jean Macé" in body
        assert "Simone Veil" in body


def test_a_principal_manager_stays_and_the_others_leave(person):
    principal = AttachmentFactory(user=person, role=Role.PRINCIPAL)
    simple, over = AttachmentFactory(user=person), AttachmentFactory(user=person, ended_at=timezone.now())
    departure = leave_structures(person, [principal.pk, simple.pk, over.pk], actor=person)
    assert departure.done == [simple]
    assert {row: refusal.code for row, refusal in departure.skipped} == {
        principal: "is_principal",
        over: "attachment_over",
    }
    assert person.attachments.current().get() == principal
    assert len(events()) == len(mails()) == 1


def test_nobody_ends_somebody_else_s_place_this_way(person):
    other = AttachmentFactory()
    assert leave_structures(person, [other.pk], actor=person) == ([], [])
    assert Attachment.objects.current().get() == other


def test_support_is_told_of_what_nobody_can_decide_any_more(person):
    held = AttachmentFactory(user=person, role=Role.SECONDARY)
    waiting = AttachmentRequestFactory(structure=held.structure).user
    leave_structures(person, [held.pk], actor=person)
    assert mails() == [
        ("attachment_ended", person.email),
        ("request_to_support", "assistance@portail.example"),
        ("request_with_support", waiting.email),
    ]


def test_a_mail_says_who_ended_a_place(person):
    first, second = AttachmentFactory(user=person), AttachmentFactory(user=person)
    leave_structures(person, [first.pk], actor=person)
    detach(second.pk, actor=None)
    own, others = (mail.parts()[0] for mail in OutgoingMail.objects.order_by("pk"))
    assert ("demandé" in own, "demandé" in others) == (True, False)


@pytest.mark.parametrize(
    ("starts", "ends", "code", "field"),
    [(-1, None, "starts_in_past", "starts_on"), (3, 2, "dates_order", "ends_on"), (None, -1, "dates_order", "ends_on")],
)
def test_dates_that_make_no_sense_are_refused(person, starts, ends, code, field):
    dates = {"starts_on": starts, "ends_on": ends}
    dates = {name: days if days is None else in_days(days) for name, days in dates.items()}
    with pytest.raises(ActionError) as refusal:
        send_request(person, StructureFactory(), actor=person, **dates)
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert not AttachmentRequest.objects.exists()


def test_what_is_over_before_it_is_decided_is_not_approved(person, managed):
    wanted = AttachmentRequestFactory(user=person, structure=managed, starts_on=in_days(-3), ends_on=in_days(-1))
    with pytest.raises(ActionError) as refusal:
        approve_request(wanted.pk, actor=None)
    assert refusal.value.code == "dates_over"
    AttachmentRequest.objects.update(ends_on=in_days(0))
    assert approve_request(wanted.pk, actor=None).standing == "ending"


def test_a_refusal_leads_whoever_has_an_account_to_their_requests(person, managed):
    refuse_request(AttachmentRequestFactory(user=person, structure=managed).pk, actor=None, reason="Non")
    for body in OutgoingMail.objects.get(slug="request_refused").parts():
        assert f"{PAGE}?vue=demandes" in body


def test_who_decides_reads_the_dates_in_the_mail(person, managed):
    send_request(person, managed, actor=person, starts_on=in_days(1), ends_on=in_days(2))
    for body in OutgoingMail.objects.get(slug="request_to_decide").parts():
        for day in (in_days(1), in_days(2)):
            assert date_format(day, "j F Y") in as_typed(body)


# The list


def test_nothing_yet_says_how_to_begin(client, person):
    page = client.get(PAGE).text
    assert "Vous n'êtes rattaché à aucune structure" in page
    assert "Recherchez votre structure" in page
    assert "Aucune demande en cours" in client.get(PAGE, {"vue": "demandes"}).text


def test_attachments_are_listed_with_their_dates_and_those_over_are_not(client, person):
    for name, dates in {
        "Amont": {"starts_on": in_days(3)},
        "Bassin": {"starts_on": date(2020, 1, 2)},
        "Canal": {"starts_on": date(2020, 1, 2), "ends_on": in_days(30)},
        "Delta": {"starts_on": date(2020, 1, 2), "ends_on": in_days(31)},
        "Étang": {"starts_on": date(2020, 1, 2), "ends_on": in_days(-1)},
        "Fleuve": {"starts_on": date(2020, 1, 2), "ended_at": timezone.now()},
    }.items():
        AttachmentFactory(user=person, structure__legal_name=name, **dates)
    answer = client.get(PAGE)
    assert [(str(row.structure), row.standing.label) for row in answer.context["rows"]] == [
        ("Amont", "À venir"),
        ("Bassin", "Validé"),
        ("Canal", "Bientôt terminé"),
        ("Delta", "Validé"),
    ]
    assert answer.text.count("2 jan. 2020") == 3
    over = [row.standing for row in person.attachments.filter(structure__legal_name__in=["Étang", "Fleuve"])]
    assert over == ["over", "over"]


def test_whoever_has_only_asked_sees_what_they_wait_for(client, person, managed):
    wanted = AttachmentRequestFactory(user=person, structure=managed, created_at=timezone.now() - timedelta(days=5))
    page = client.get(PAGE).text
    assert wanted.spaced_reference in page
    assert "Peut décider :\n    <b>Claire Fontaine</b>" in page
    assert "5 jours" in page
    assert withdrawal(wanted) in page


def test_where_nobody_decides_support_does(client, person):
    AttachmentRequestFactory(user=person)
    assert "l'assistance décide" in client.get(PAGE).text
    AttachmentRequestFactory(user=person, structure__state="inactive")
    assert "votre demande attend qu'elle soit activée de nouveau" in client.get(PAGE).text


def refused(person, days=0, **fields):
    then = timezone.now() - timedelta(days=days)
    return AttachmentRequestFactory(
        user=person, status="refused", reason="Mauvais service", created_at=then, decided_at=then, **fields
    )


def test_refusals_stay_with_their_reason_until_they_are_answered(client, person):
    recent, _old, answered, attached = refused(person, 170), refused(person, 190), refused(person, 2), refused(person)
    AttachmentRequestFactory(user=person, structure=answered.structure)
    AttachmentFactory(user=person, structure=attached.structure)
    answer = client.get(PAGE, {"vue": "demandes"})
    assert [row.pk for row in answer.context["rows"] if not row.is_pending] == [recent.pk]
    assert "Mauvais service" in answer.text
    assert f"/structures/{recent.structure_id}/rattachement/?dossier={recent.reference}" in answer.text


def test_a_correction_taken_back_gives_the_refusal_back(client, person):
    wanted = refused(person, 2)
    AttachmentRequestFactory(user=person, structure=wanted.structure, status="withdrawn")
    assert [row.pk for row in client.get(PAGE).context["rows"]] == [wanted.pk]


@pytest.mark.parametrize("fields", [{"state": "inactive"}, {"private": True}])
def test_what_cannot_be_sent_again_says_who_can_help(client, person, fields):
    wanted = refused(person, structure=StructureFactory(**fields))
    page = client.get(PAGE).text
    assert "Corriger" not in page
    assert ("désactivée" in page) is not ("voyez avec eux" in page)
    assert wanted.spaced_reference in page


def test_an_undisclosed_structure_stays_its_identifier(client, person):
    structure = StructureFactory(private=True, undisclosed=True, legal_name="Vasseur Entretien")
    AttachmentRequestFactory(user=person, structure=structure)
    assert "Vasseur" not in client.get(PAGE).text
    assert not client.get(PAGE, {"vue": "demandes", "q": "vasseur"}).context["rows"]
    for kind in ("csv", "xlsx"):
        assert b"Vasseur" not in client.get(f"{PAGE}export.{kind}?vue=demandes").getvalue()
    assert "Vasseur" not in client.get(withdrawal(AttachmentRequest.objects.get())).text


def test_nobody_sees_another_person_s_rows(client, person):
    AttachmentFactory(structure__legal_name="Ailleurs")
    AttachmentRequestFactory(structure__legal_name="Plus loin")
    for view in ("rattachements", "demandes", "n'importe quoi"):
        assert not client.get(PAGE, {"vue": view}).context["rows"]


@pytest.mark.parametrize(("words", "found"), [("macé", 1), ("COLLEGE", 1), ("veil", 0), ("", 1), ("*", 0)])
def test_words_filter_both_lists_and_their_files(client, person, managed, words, found):
    AttachmentFactory(user=person, structure=managed)
    AttachmentRequestFactory(user=person, structure__legal_name="Collège Macé bis")
    for view in ("rattachements", "demandes"):
        assert len(client.get(PAGE, {"vue": view, "q": words}).context["rows"]) == found
        file = client.get(f"{PAGE}export.csv", {"vue": view, "q": words}).getvalue().decode()
        assert len(file.splitlines()) == 1 + found


def test_a_request_is_found_by_its_number(client, person):
    wanted, _other = AttachmentRequestFactory.create_batch(2, user=person)
    rows = client.get(PAGE, {"vue": "demandes", "q": wanted.spaced_reference[:10]}).context["rows"]
    assert [row.pk for row in rows] == [wanted.pk]


def test_a_thousand_attachments_come_by_pages(client, person):
    structures = StructureFactory.create_batch(1_000)
    Attachment.objects.bulk_create(Attachment(user=person, structure=structure) for structure in structures)
    answer = client.get(PAGE, {"page": 20})
    assert len(answer.context["rows"]) == 50
    assert "951 à 1000 sur" in answer.text.replace("\N{NARROW NO-BREAK SPACE}", "")
    assert "Rechercher une structure" in answer.text
    assert client.get(f"{PAGE}export.csv").getvalue().count(b"\r\n") == 1_001
    assert client.get(f"{PAGE}export.xlsx").status_code == 200


def test_the_files_say_what_the_lists_say(client, person, managed):
    held = AttachmentFactory(user=person, whole_structure=False, starts_on=date(2024, 9, 1), ends_on=in_days(400))
    held.services.add(ServiceFactory(structure=held.structure, label="Intendance"))
    line = client.get(f"{PAGE}export.csv").getvalue().decode().splitlines()[1]
    assert line.startswith(f"{held.structure};SIRET;{held.structure.identifier};Utilisateur simple;Services;Intendance")
    assert ";01/09/2024;" in line
    wanted = AttachmentRequestFactory(user=person, structure=managed)
    line = client.get(f"{PAGE}export.csv?vue=demandes").getvalue().decode().splitlines()[1]
    assert line.startswith(f"{wanted.reference};Collège Jean Macé;")
    assert line.endswith(";Claire Fontaine;")


# Taking back


def test_taking_back_asks_first_and_says_who_is_told(client, person, managed):
    wanted = AttachmentRequestFactory(user=person, structure=managed)
    page = client.get(withdrawal(wanted)).text
    assert "Retirer la demande de rattachement à Collège Jean Macé ?" in page
    assert "Claire Fontaine" in page
    wanted.refresh_from_db()
    assert wanted.is_pending
    answer = client.post(withdrawal(wanted), follow=True)
    assert "Votre demande est retirée" in answer.text
    assert answer.redirect_chain == [(f"{PAGE}?vue=demandes", 302)]
    assert client.post(withdrawal(wanted), follow=True).text.count("a déjà été retirée") == 1
    assert client.get(withdrawal(wanted)).status_code == 302


@pytest.mark.parametrize("method", ["get", "post"])
def test_somebody_else_s_request_is_not_found(client, person, method):
    other = AttachmentRequestFactory()
    assert getattr(client, method)(withdrawal(other)).status_code == 404
    other.refresh_from_db()
    assert other.is_pending


# Correcting


def test_a_correction_begins_with_what_was_asked(client, person, managed):
    service = ServiceFactory(structure=managed)
    wanted = refused(
        person, 9, structure=managed, whole_structure=False, comment="Je remplace Anne.", starts_on=in_days(-9)
    )
    wanted.services.add(service)
    answer = client.get(f"/structures/{managed.pk}/rattachement/?dossier={wanted.reference}")
    form = answer.context["form"]
    assert "Mauvais service" in answer.text
    assert {name: form[name].value() for name in form.fields} == {
        "scope": "services",
        "services": [service.pk],
        "comment": "Je remplace Anne.",
        "starts_on": in_days(0),
        "ends_on": None,
    }


@pytest.mark.parametrize("whose", ["another person's", "still pending", "another structure's", "none"])
def test_only_one_s_own_refused_request_is_given_back(client, person, managed, whose):
    service = ServiceFactory(structure=managed)
    shown = f"/structures/{service.structure_id}/rattachement/"
    other = {
        "another person's": lambda: refused(UserFactory(), structure=managed, comment="Secret"),
        "still pending": lambda: AttachmentRequestFactory(structure=managed, comment="Secret"),
        "another structure's": lambda: refused(person, comment="Secret"),
        "none": lambda: None,
    }[whose]()
    answer = client.get(shown, {"dossier": other.reference if other else "x" * 500})
    assert answer.status_code == 200
    assert "Secret" not in answer.text
    assert answer.context["before"] is None


def test_dates_are_sent_with_the_request_and_said_beside_their_field_when_wrong(client, person, managed):
    path = f"/structures/{managed.pk}/rattachement/"
    for field, data in {
        "starts_on": {"starts_on": in_days(-1)},
        "ends_on": {"starts_on": in_days(5), "ends_on": in_days(4)},
    }.items():
        answer = client.post(path, {"scope": "whole", **data})
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [field]
    assert client.post(path, {"scope": "whole", "ends_on": "31/02/2027"}).status_code == 422
    client.post(path, {"scope": "whole", "starts_on": in_days(5), "ends_on": in_days(6)})
    sent = AttachmentRequest.objects.get()
    assert (sent.starts_on, sent.ends_on) == (in_days(5), in_days(6))
    assert HistoryEntry.objects.get().data["values"]["ends_on"] == in_days(6).isoformat()


def test_whoever_has_a_place_or_takes_the_structure_over_is_asked_no_dates(client, person, managed):
    AttachmentFactory(user=person, structure=managed, whole_structure=False)
    open_one = AttachmentFactory(user=person, structure=StructureFactory(private=True), whole_structure=False).structure
    for structure in (managed, open_one):
        answer = client.get(f"/structures/{structure.pk}/rattachement/")
        assert "starts_on" not in answer.context["form"].fields


# Leaving


def test_leaving_says_what_is_lost_then_does_it(client, person):
    service = ServiceFactory(label="Intendance")
    held = AttachmentFactory(user=person, structure=service.structure, whole_structure=False, role=Role.SECONDARY)
    held.services.add(service)
    AttachmentRequestFactory.create_batch(2, structure=held.structure)
    own = AttachmentRequestFactory(user=person, structure=held.structure)
    page = client.get(LEAVING, {"rattachement": held.pk}).text
    assert f"Supprimer mon rattachement à {held.structure} ?" in page
    assert "2 demandes n'auront" in page
    assert "Ce service reste sans personne :\n                    Intendance." in page
    assert own.spaced_reference in page
    assert "Vous n'y décidez plus" in page
    assert Attachment.objects.current().filter(pk=held.pk).exists()
    answer = client.post(LEAVING, {"rattachement": held.pk}, follow=True)
    assert f"Vous n'êtes plus rattaché à {held.structure}." in answer.text
    assert not Attachment.objects.current().filter(pk=held.pk).exists()


def test_what_others_can_decide_or_are_in_charge_of_is_no_loss(client, person, managed):
    service = ServiceFactory(structure=managed)
    held = AttachmentFactory(user=person, structure=managed, whole_structure=False, role=Role.SECONDARY)
    AttachmentFactory(structure=managed, whole_structure=False).services.add(service)
    held.services.add(service)
    AttachmentRequestFactory(structure=managed)
    page = client.get(LEAVING, {"rattachement": held.pk}).text
    assert "plus que l'assistance" not in page
    assert "sans personne" not in page


def test_whoever_decides_nothing_leaves_no_request_behind(client, person):
    held = AttachmentFactory(user=person)
    AttachmentRequestFactory(structure=held.structure)
    page = client.get(LEAVING, {"rattachement": held.pk}).text
    assert "plus que l'assistance" not in page
    assert "Vous n'y décidez plus" not in page


def test_a_principal_manager_is_led_to_the_succession(client, person):
    principal, simple = AttachmentFactory(user=person, role=Role.PRINCIPAL), AttachmentFactory(user=person)
    other = AttachmentFactory(user=person, role=Role.PRINCIPAL)
    to_succession = f"{SUCCESSION}?structures={principal.structure_id}&suite=depart"
    assert client.get(LEAVING, {"rattachement": principal.pk}).url == to_succession
    assert "D'abord un successeur" in client.get(LEAVING, {"rattachement": [principal.pk, simple.pk]}).text
    answer = client.post(LEAVING, {"rattachement": [principal.pk, simple.pk]}, follow=True)
    assert answer.redirect_chain == [(to_succession, 302), (answer.redirect_chain[-1][0], 302)]
    assert f"Vous n'êtes plus rattaché à {simple.structure}." in answer.text
    assert "désignez d'abord un autre gestionnaire principal" in answer.text
    assert answer.context["meant"].structures == [principal.structure]
    meant = client.get(SUCCESSION, follow=True).context["meant"]
    assert set(meant.structures) == {principal.structure, other.structure}
    assert set(person.attachments.current()) == {principal, other}


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("forged", ["abc", "-1", "٣", "9" * 30, "", "another's"])
def test_what_is_not_one_s_own_is_not_found(client, person, method, forged):
    mine, other = AttachmentFactory(user=person), AttachmentFactory()
    keys = [mine.pk, other.pk if forged == "another's" else forged]
    assert getattr(client, method)(LEAVING, {"rattachement": keys}).status_code == 404
    assert Attachment.objects.current().count() == 2


@pytest.mark.parametrize("method", ["get", "post"])
def test_nothing_ticked_is_said(client, person, method):
    answer = getattr(client, method)(LEAVING, follow=True)
    assert "Cochez au moins un rattachement" in answer.text


def test_a_second_tab_hears_that_it_is_done(client, person):
    held = AttachmentFactory(user=person)
    for said in ("Vous n'êtes plus rattaché à", "est déjà terminé"):
        assert said in client.post(LEAVING, {"rattachement": held.pk}, follow=True).text
    assert "déjà terminés" in client.get(LEAVING, {"rattachement": held.pk}, follow=True).text
    assert len(mails()) == 1


def test_the_filter_is_found_again(client, person):
    held = AttachmentFactory(user=person)
    kept = f"{PAGE}?vue=rattachements&q=coll"
    address = f"{LEAVING}?rattachement={held.pk}&retour=%2Fmes-rattachements%2F%3Fvue%3Drattachements%26q%3Dcoll"
    assert f'href="{kept.replace("&", "&amp;")}"' in client.get(address).text
    assert client.post(address, {"rattachement": held.pk}).url == kept


def test_the_account_menu_leads_here_except_for_support(client, person):
    assert f'href="{PAGE}"' in client.get("/").text
    client.force_login(UserFactory(staff=True))
    assert f'href="{PAGE}"' not in client.get("/").text
    assert "L'assistance n'est rattachée à aucune structure" in client.get(PAGE).text


def test_a_refusal_by_the_manager_reaches_the_list(client, person, managed):
    manager = managed.attachments.get().user
    sent = send_request(person, managed, actor=person)
    refuse_request(sent.pk, actor=manager, reason="Demandez la vie scolaire.")
    assert "Demandez la vie scolaire." in client.get(PAGE).text


def test_a_refusal_is_told_on_the_first_tab_too(client, person):
    AttachmentFactory(user=person)
    client.force_login(person)
    here = "/mes-rattachements/"
    assert "a été refusée" not in client.get(here).text
    wanted = AttachmentRequestFactory(user=person)
    refuse_request(wanted.pk, actor=UserFactory(staff=True), reason="Autre service")
    assert "Une demande de rattachement a été refusée" in client.get(here).text
    assert "Corriger" in client.get(f"{here}?vue=demandes").text


@pytest.mark.parametrize("path", ["/mes-rattachements/", "/mon-compte/"])
def test_whoever_stands_in_reads_it_beside_their_place(client, person, path):
    place = AttachmentFactory(user=person)
    AttachmentFactory(user=person)
    client.force_login(person)
    assert "Suppléant" not in client.get(path).text
    days = {"starts_on": date(2026, 5, 4), "ends_on": date(2099, 6, 5)}
    Deputy.objects.create(structure=place.structure, deputy=person, named_by=UserFactory(), **days)
    told = " ".join(client.get(path).text.split())
    assert told.count("Suppléant du 4 mai 2026 au 5 juin 2099") == 1
