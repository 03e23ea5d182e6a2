import re
from datetime import timedelta

import pytest
from django.utils import timezone

from attachments.models import Attachment, Role
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def managed(client):
    """A structure with two services, whose principal manager is logged in."""
    structure = StructureFactory(legal_name="Collège Jean Macé")
    ServiceFactory(structure=structure, label="Intendance")
    ServiceFactory(structure=structure, label="Restauration")
    client.force_login(AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user)
    return structure


def url(request, tail=""):
    return f"/demandes/{request.reference}/{tail}"


def test_the_list_shows_what_waits_oldest_first_and_nothing_else(client, managed):
    first = AttachmentRequestFactory(structure=managed, user__last_name="Premier")
    second = AttachmentRequestFactory(structure=managed, user__last_name="Second")
    AttachmentRequestFactory(structure=managed, status="approved")
    AttachmentRequestFactory()
    assert list(client.get("/demandes/").context["page"]) == [first, second]


@pytest.mark.parametrize(("words", "found"), [("amrani", 1), ("JEAN macé", 1), ("zzz", 0), ("%", 0)])
def test_the_list_can_be_searched(client, managed, words, found):
    AttachmentRequestFactory(structure=managed, user__last_name="Amrani")
    answer = client.get("/demandes/", {"q": words})
    assert len(answer.context["page"]) == found


@pytest.mark.parametrize("page", ["0", "-1", "999999999999999999999", "abc", ""])
def test_any_page_number_is_answered(client, managed, page):
    assert client.get("/demandes/", {"page": page}).status_code == 200


def test_a_request_on_another_structure_is_out_of_reach(client, managed):
    other = AttachmentRequestFactory()
    assert client.get(url(other)).status_code == 404
    assert client.post(url(other), {"role": "simple", "scope": "whole"}).status_code == 404
    assert client.post(url(other, "refus/"), {"reason": "Non"}).status_code == 404
    other.refresh_from_db()
    assert other.is_pending


@pytest.mark.parametrize("dates", [{"ends_on": "2020-01-01", "starts_on": "2019-01-01"}, {"starts_on": "2999-01-01"}])
def test_a_manager_outside_their_dates_decides_nothing(client, managed, dates):
    wanted = AttachmentRequestFactory(structure=managed)
    client.force_login(AttachmentFactory(structure=managed, role=Role.SECONDARY, **dates).user)
    assert client.get(url(wanted)).status_code == 404


def test_a_secondary_manager_decides(client, managed):
    wanted = AttachmentRequestFactory(structure=managed)
    client.force_login(AttachmentFactory(structure=managed, role=Role.SECONDARY).user)
    client.post(url(wanted), {"role": "simple", "scope": "whole"})
    wanted.refresh_from_db()
    assert wanted.status == "approved"


def test_services_asked_are_ticked_and_say_so(client, managed):
    wanted = AttachmentRequestFactory(structure=managed, whole_structure=False)
    wanted.services.add(managed.services.get(label="Intendance"))
    rows = client.get(url(wanted)).context["form"].service_rows
    assert [(box.data["selected"], status) for box, status in rows] == [(True, "En cours de validation"), (False, "")]


def test_a_closed_service_is_not_offered(client, managed):
    managed.services.filter(label="Restauration").update(valid_until="2020-01-01", valid_from="2019-01-01")
    managed.services.filter(label="Intendance").update(is_active=False)
    assert not client.get(url(AttachmentRequestFactory(structure=managed))).context["form"].has_services


def test_only_the_principal_names_secondaries(client, managed):
    wanted = AttachmentRequestFactory(structure=managed)
    client.force_login(AttachmentFactory(structure=managed, role=Role.SECONDARY).user)
    assert client.post(url(wanted), {"role": "secondary", "scope": "whole"}).status_code == 422


def test_ticked_services_with_the_whole_structure_are_questioned(client, managed):
    wanted, service = AttachmentRequestFactory(structure=managed), managed.services.first()
    answer = client.post(url(wanted), {"role": "simple", "scope": "whole", "services": [service.pk]})
    assert "Des services sont cochés" in answer.text


def test_services_ticked_from_the_start_do_not_stand_in_the_way_of_the_whole_structure(client, managed):
    wanted, service = AttachmentRequestFactory(structure=managed, whole_structure=False), managed.services.first()
    wanted.services.add(service)
    client.post(url(wanted), {"role": "simple", "scope": "whole", "services": [service.pk]})
    attachment = Attachment.objects.get(user=wanted.user)
    assert (attachment.whole_structure, attachment.services.count()) == (True, 0)


def test_a_closed_service_is_neither_shown_nor_granted_beside_an_open_one(client, managed):
    closed, wanted = managed.services.get(label="Intendance"), AttachmentRequestFactory(structure=managed)
    managed.services.filter(pk=closed.pk).update(is_active=False)
    assert len(client.get(url(wanted)).context["form"].service_rows) == 1
    ticked = {"role": "simple", "scope": "services", "services": [closed.pk]}
    assert client.post(url(wanted), ticked).status_code == 422


def test_services_held_before_an_attachment_ended_are_not_said_to_be(client, managed):
    over = AttachmentFactory(structure=managed, whole_structure=False, ended_at=timezone.now())
    over.services.add(managed.services.get(label="Intendance"))
    wanted = AttachmentRequestFactory(structure=managed, user=over.user)
    rows = client.get(url(wanted)).context["form"].service_rows
    assert [(box.data["selected"], status) for box, status in rows] == [(False, ""), (False, "")]


def test_services_already_held_say_so(client, managed):
    held = AttachmentFactory(structure=managed, whole_structure=False)
    held.services.add(managed.services.get(label="Intendance"))
    wanted = AttachmentRequestFactory(structure=managed, user=held.user, whole_structure=False)
    wanted.services.add(managed.services.get(label="Restauration"))
    for intendance in ("Validé", "En cours de validation"):
        rows = client.get(url(wanted)).context["form"].service_rows
        assert [(box.data["selected"], status) for box, status in rows] == [
            (True, "En cours de validation"),
            (True, intendance),
        ]
        # Asked again, it waits.
        wanted.services.add(managed.services.get(label="Intendance"))


def test_the_manager_s_ticks_are_what_is_granted(client, managed):
    wanted = AttachmentRequestFactory(structure=managed)
    service = managed.services.get(label="Restauration")
    client.post(url(wanted), {"role": "secondary", "scope": "services", "services": [service.pk]})
    attachment = Attachment.objects.get(user=wanted.user)
    assert (attachment.role, attachment.whole_structure, list(attachment.services.all())) == (
        "secondary",
        False,
        [service],
    )


@pytest.mark.parametrize(
    "forged",
    [
        {"role": "principal", "scope": "whole"},
        {"role": "simple", "scope": "services"},
        {"role": "simple", "scope": "services", "services": ["999999"]},
        {"role": "", "scope": "whole"},
        {},
    ],
)
def test_a_forged_or_empty_decision_is_refused_on_the_page(client, managed, forged):
    wanted = AttachmentRequestFactory(structure=managed)
    assert client.post(url(wanted), forged).status_code == 422
    assert not Attachment.objects.filter(user=wanted.user).exists()


def test_a_request_decided_meanwhile_is_told(client, managed):
    wanted = AttachmentRequestFactory(structure=managed)
    client.post(url(wanted), {"role": "simple", "scope": "whole"})
    answer = client.post(url(wanted), {"role": "simple", "scope": "whole"}, follow=True)
    assert "a déjà été validée" in answer.text
    assert "il n&#x27;y a plus rien à faire" in answer.text or "il n'y a plus rien à faire" in answer.text


def test_a_refusal_keeps_what_was_typed_until_it_can_be_sent(client, managed):
    wanted = AttachmentRequestFactory(structure=managed)
    long = "x" * 2001
    answer = client.post(url(wanted, "refus/"), {"reason": long})
    assert answer.status_code == 422
    assert long in answer.text
    client.post(url(wanted, "refus/"), {"reason": "Autre établissement"})
    wanted.refresh_from_db()
    assert (wanted.status, wanted.reason) == ("refused", "Autre établissement")


def test_what_people_type_is_shown_as_text(client, managed):
    wanted = AttachmentRequestFactory(
        structure=managed, comment="<script>alert(1)</script>", user__first_name="<i>Anne</i>"
    )
    for page in (url(wanted), "/demandes/"):
        assert "<script>alert" not in client.get(page).text
        assert "<i>Anne" not in client.get(page).text


def test_support_may_name_a_principal_only_where_there_is_none(client, managed):
    client.force_login(UserFactory(staff=True))
    with_manager, without = AttachmentRequestFactory(structure=managed), AttachmentRequestFactory()
    roles = [
        [value for value, _ in client.get(url(request)).context["form"].fields["role"].choices]
        for request in (with_manager, without)
    ]
    assert roles == [["simple", "secondary"], ["simple", "secondary", "principal"]]
    client.post(url(without), {"role": "principal", "scope": "whole"})
    assert Attachment.objects.get(structure=without.structure).role == Role.PRINCIPAL


def test_the_list_says_who_asks_for_what_and_since_when(client, managed):
    wanted = AttachmentRequestFactory(structure=managed, whole_structure=False, user__last_name="Amrani")
    wanted.services.set(managed.services.all())
    page = client.get("/demandes/").text
    for said in ("Anne Amrani", wanted.user.email, "Intendance, Restauration", "Aujourd'hui", wanted.spaced_reference):
        assert said in page
    # Whoever has one structure knows which.
    assert "Collège Jean Macé" not in page
    # Below the list: a relative address.
    assert f'href="{wanted.reference}/"' in page


def test_a_request_is_found_by_its_number_as_it_is_read(client, managed):
    wanted, _other = AttachmentRequestFactory(structure=managed), AttachmentRequestFactory(structure=managed)
    for words in (wanted.reference, wanted.spaced_reference):
        assert list(client.get("/demandes/", {"q": words}).context["page"]) == [wanted]


@pytest.mark.parametrize("reference", ["000000000", "12345678", "abcdefghi", "1234567890"])
def test_a_number_nobody_bears_is_not_found(client, managed, reference):
    assert client.get(f"/demandes/{reference}/").status_code == 404


def test_a_simple_user_reaches_no_request(client, managed):
    wanted = AttachmentRequestFactory(structure=managed)
    client.force_login(AttachmentFactory(structure=managed).user)
    assert client.get(url(wanted)).status_code == 404
    assert client.post(url(wanted, "refus/"), {"reason": "Non"}).status_code == 404
    assert list(client.get("/demandes/").context["page"]) == []


def test_a_former_manager_reaches_no_request(client, managed):
    wanted = AttachmentRequestFactory(structure=managed)
    managed.attachments.update(ended_at=timezone.now())
    assert client.get(url(wanted)).status_code == 404


def test_the_page_shows_structure_requester_and_comment(client, managed):
    wanted = AttachmentRequestFactory(structure=managed, comment="Rentrée de septembre", user__phone="+33299000000")
    page = client.get(url(wanted)).text
    for said in ("Collège Jean Macé", "02 99 00 00 00", wanted.user.email, "Rentrée de septembre"):
        assert said in page


def test_the_status_of_each_service_is_written_beside_its_tick(client, managed):
    intendance, restauration = managed.services.order_by("label")
    ServiceFactory(structure=managed, label="Vie scolaire")
    held = AttachmentFactory(structure=managed, whole_structure=False)
    held.services.add(intendance)
    wanted = AttachmentRequestFactory(structure=managed, user=held.user, whole_structure=False)
    wanted.services.add(restauration)
    services = client.get(url(wanted)).text.partition('id="id_services"')[2].partition("</fieldset>")[0]
    rows = re.findall(r"<li>.*?</li>", services, re.DOTALL)
    found = [(" checked" in row, re.search(r"Validé|En cours de validation|Non demandé", row).group()) for row in rows]
    assert found == [(True, "En cours de validation"), (True, "Validé"), (False, "Non demandé")]


def test_a_request_for_the_whole_structure_ticks_the_whole_structure(client, managed):
    form = client.get(url(AttachmentRequestFactory(structure=managed))).context["form"]
    assert form["scope"].value() == "whole"
    assert form["role"].value() == "simple"


def test_a_service_of_another_structure_cannot_be_ticked(client, managed):
    wanted = AttachmentRequestFactory(structure=managed)
    ticked = {"role": "simple", "scope": "services", "services": [ServiceFactory().pk]}
    assert client.post(url(wanted), ticked).status_code == 422
    assert not Attachment.objects.filter(user=wanted.user).exists()


def test_validating_says_so_and_leads_to_the_next_one(client, managed):
    wanted = AttachmentRequestFactory(structure=managed, user__last_name="Amrani")
    answer = client.post(url(wanted), {"role": "simple", "scope": "whole"}, follow=True)
    assert answer.redirect_chain == [("/demandes/", 302)]
    assert (
        "Rattachement validé : Anne Amrani, utilisateur simple de Collège Jean Macé (toute la structure)."
        in answer.text
    )
    assert "Rien à traiter" in answer.text


@pytest.mark.parametrize("reason", ["", "   ", "\n\t"])
def test_a_refusal_without_a_reason_is_asked_for_one(client, managed, reason):
    wanted = AttachmentRequestFactory(structure=managed)
    answer = client.post(url(wanted, "refus/"), {"reason": reason})
    assert (answer.status_code, "Indiquez le motif du refus" in answer.text) == (422, True)
    wanted.refresh_from_db()
    assert wanted.is_pending


def test_the_refusal_page_says_what_follows_and_changes_nothing(client, managed):
    wanted = AttachmentRequestFactory(structure=managed)
    page = client.get(url(wanted, "refus/")).text
    assert "son compte est clos" in page
    active = AttachmentRequestFactory(structure=managed, user=UserFactory())
    assert "son compte est clos" not in client.get(url(active, "refus/")).text
    wanted.refresh_from_db()
    assert wanted.is_pending


def test_refusing_what_was_decided_meanwhile_is_told_and_changes_nothing(client, managed):
    wanted = AttachmentRequestFactory(structure=managed)
    client.post(url(wanted), {"role": "simple", "scope": "whole"})
    answer = client.post(url(wanted, "refus/"), {"reason": "Trop tard"}, follow=True)
    assert "a déjà été validée par" in answer.text
    assert answer.redirect_chain[-1][0] == url(wanted)
    wanted.refresh_from_db()
    assert (wanted.status, wanted.reason) == ("approved", "")


def test_a_decided_request_can_be_read_and_offers_no_button(client, managed):
    wanted = AttachmentRequestFactory(structure=managed)
    client.post(url(wanted, "refus/"), {"reason": "Autre établissement"})
    answer = client.get(url(wanted, "refus/"), follow=True)
    assert answer.redirect_chain == [(url(wanted), 302)]
    assert "Autre établissement" in answer.text
    assert 'name="role"' not in answer.text


@pytest.mark.parametrize(("who", "answer"), [("manager", 404), ("support", 403)])
def test_nobody_decides_their_own_request(client, managed, who, answer):
    user = managed.attachments.get().user if who == "manager" else UserFactory(staff=True)
    client.force_login(user)
    own = AttachmentRequestFactory(structure=managed, user=user)
    posted = {"role": "simple", "scope": "whole", "reason": "x"}
    asked = [client.get(url(own)), client.post(url(own), posted), client.post(url(own, "refus/"), posted)]
    assert [given.status_code for given in asked] == [answer] * 3
    own.refresh_from_db()
    assert own.is_pending


def test_support_sees_who_manages_or_that_nobody_does(client, managed):
    manager = managed.attachments.get().user
    client.force_login(UserFactory(staff=True))
    assert f"attend la décision d'{manager}" in client.get(url(AttachmentRequestFactory(structure=managed))).text
    page = client.get(url(AttachmentRequestFactory())).text
    assert "Aucun gestionnaire principal" in page
    assert "les prochaines demandes reviendront à l'assistance" in page


def test_services_that_ran_out_are_not_said_to_be_held(client, managed):
    ran_out = {"starts_on": timezone.localdate() - timedelta(9), "ends_on": timezone.localdate() - timedelta(1)}
    over = AttachmentFactory(structure=managed, whole_structure=False, **ran_out)
    over.services.add(managed.services.get(label="Intendance"))
    request = AttachmentRequestFactory(structure=managed, user=over.user)
    rows = client.get(url(request)).context["form"].service_rows
    assert [(box.data["selected"], status) for box, status in rows] == [(False, ""), (False, "")]


def test_services_asked_come_before_those_held_and_all_others(client, managed):
    for label in ("Accueil", "Vie scolaire"):
        ServiceFactory(structure=managed, label=label)
    held = AttachmentFactory(structure=managed, whole_structure=False)
    held.services.add(managed.services.get(label="Restauration"))
    wanted = AttachmentRequestFactory(structure=managed, user=held.user, whole_structure=False)
    wanted.services.add(managed.services.get(label="Vie scolaire"))
    form = client.get(url(wanted)).context["form"]
    labels = [box.data["value"].instance.label for box, _ in form.service_rows]
    assert labels == ["Vie scolaire", "Restauration", "Accueil", "Intendance"]
    assert form.ticked_labels == labels[:2]


def test_a_service_asked_and_switched_off_since_says_so(client, managed):
    closed = managed.services.get(label="Intendance")
    wanted = AttachmentRequestFactory(structure=managed, whole_structure=False)
    wanted.services.add(closed)
    managed.services.filter(pk=closed.pk).update(is_active=False)
    page = client.get(url(wanted))
    assert "Intendance : hors service" in page.text
    assert f'value="{closed.pk}"' not in page.text
    assert len(page.context["form"].service_rows) == 1


@pytest.mark.parametrize(
    ("role", "who"),
    [(Role.PRINCIPAL, "activez-la"), (Role.SECONDARY, "demandez d'abord à"), (None, "activez-la")],
)
def test_what_waits_on_an_inactive_structure_can_only_be_refused(client, managed, role, who):
    wanted = AttachmentRequestFactory(structure=managed)
    managed.state = "inactive"
    managed.save()
    if role == Role.SECONDARY:
        client.force_login(AttachmentFactory(structure=managed, role=role).user)
    elif role is None:
        client.force_login(UserFactory(staff=True))
    page = client.get(url(wanted)).text
    assert "Cette structure est inactive" in page
    assert who in page
    assert "Valider" not in page
    assert client.get(url(wanted, "refus/")).status_code == 200


def test_support_chooses_the_role_itself_where_nobody_manages(client, managed):
    client.force_login(UserFactory(staff=True))
    wanted = AttachmentRequestFactory()
    assert client.get(url(wanted)).context["form"]["role"].value() is None
    answer = client.post(url(wanted), {"scope": "whole"})
    assert (answer.status_code, "Choisissez le rôle que vous donnez." in answer.text) == (422, True)
    assert client.get(url(AttachmentRequestFactory(structure=managed))).context["form"]["role"].value() == "simple"


def test_a_decision_leads_to_the_request_that_follows(client, managed):
    first, second, third = AttachmentRequestFactory.create_batch(3, structure=managed)
    told = client.post(f"{url(first)}?retour=/demandes/%3Fq%3Danne", {"role": "simple", "scope": "whole"}, follow=True)
    assert f'<a href="{url(second)}?retour=%2Fdemandes%2F%3Fq%3Danne">Demande suivante</a>' in told.text
    told = client.post(url(second, "refus/"), {"reason": "Autre établissement"}, follow=True)
    assert f'<a href="{url(third)}">Demande suivante</a>' in told.text
    assert "Demande suivante" not in client.post(url(third, "refus/"), {"reason": "Autre"}, follow=True).text


def test_a_name_in_a_message_is_text(client, managed):
    first, _ = AttachmentRequestFactory.create_batch(2, structure=managed, user__last_name="<i>x</i>")
    told = client.post(url(first), {"role": "simple", "scope": "whole"}, follow=True).text
    assert "&lt;i&gt;x&lt;/i&gt;" in told
    assert "<i>x" not in told


def test_what_a_colleague_decided_is_no_error_and_the_next_one_is_near(client, managed):
    first, second = AttachmentRequestFactory.create_batch(2, structure=managed)
    client.post(url(first), {"role": "simple", "scope": "whole"})
    answer = client.post(url(first), {"role": "simple", "scope": "whole"}, follow=True)
    assert [message.level_tag for message in answer.context["messages"]][-1] == "info"
    assert re.search(r"le \d+(er)? \w+ \d{4} à \d+ h \d\d\.", answer.text)
    assert url(second) in answer.text


def test_the_refusal_shows_what_was_asked_and_asks_for_words_where_they_are_needed(client, managed):
    whole = AttachmentRequestFactory(structure=managed, comment="Je remplace Anne.")
    page = client.get(url(whole, "refus/")).text
    assert "Je remplace Anne." in page
    assert "(facultatif)" not in page
    assert 'value="service"' not in page
    part = AttachmentRequestFactory(structure=managed, whole_structure=False)
    assert 'value="service"' in client.get(url(part, "refus/")).text
    assert "(facultatif)" not in client.post(url(whole, "refus/"), {"motive": "other"}).text
