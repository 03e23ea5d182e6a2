"""« Demandes à traiter »: the lists, for managers and for support."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from accounts.actions import deactivate_account
from attachments.actions import approve_request, change_place, detach, refuse_request, send_request
from attachments.emails import send_request_to_decide
from attachments.models import AttachmentRequest, Role
from notifications.models import OutgoingMail
from tests.conftest import as_typed
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
    structure = StructureFactory(legal_name="Collège Jean Macé")
    client.force_login(AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user)
    return structure


@pytest.fixture
def support(client):
    staff = UserFactory(staff=True)
    client.force_login(staff)
    return staff


def rows(client, **query):
    return list(client.get("/demandes/", query).context["rows"])


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("gué*en", True),
        ("GUEGUEN", True),
        ("guéguen elodie", True),
        ("*", True),
        ("*guen*", True),
        ("elo*gue", False),
        ("g.é", False),
        ("gue[", False),
        ("(", False),
        ("****************a****b****c****d****e", False),
        ("\\", False),
    ],
)
def test_words_and_stars_find_people_with_or_without_accents(client, managed, words, found):
    wanted = AttachmentRequestFactory(structure=managed, user__first_name="Élodie", user__last_name="Guéguen")
    assert rows(client, q=words) == [wanted] * found


def test_many_services_are_cut_after_three(client, managed):
    wanted = AttachmentRequestFactory(structure=managed, whole_structure=False)
    wanted.services.set(ServiceFactory(structure=managed, label=f"Service {letter}") for letter in "ABCDE")
    assert "Service A, Service B, Service C et 2 autres" in client.get("/demandes/").text
    wanted.services.remove(wanted.services.last())
    assert "Service A, Service B, Service C et 1 autre" in client.get("/demandes/").text


def test_whoever_decides_for_several_chooses_among_them_and_reads_their_names(client, managed):
    assert 'name="structure"' not in client.get("/demandes/").text
    other = AttachmentFactory(
        structure=StructureFactory(legal_name="Lycée Voisin"),
        user=managed.attachments.get().user,
        role=Role.SECONDARY,
    ).structure
    here, there = AttachmentRequestFactory(structure=managed), AttachmentRequestFactory(structure=other)
    page = client.get("/demandes/").text
    assert "Mes 2 structures" in page
    assert page.count("Lycée Voisin") == 2
    assert rows(client, structure=other.pk) == [there]
    assert rows(client, structure=managed.pk, q=there.reference) == []
    for forged in ("0", "abc", "99999999999999999999999", StructureFactory().pk, "\u00b2"):
        assert rows(client, structure=forged) == [here, there]


def test_what_waits_today_is_not_said_in_minutes(client, managed):
    AttachmentRequestFactory(structure=managed)
    page = client.get("/demandes/").text
    assert "Aujourd'hui" in page
    assert "minute" not in page


def test_the_list_counts_and_pages_keep_the_filters(client, managed):
    AttachmentRequestFactory.create_batch(51, structure=managed)
    page = client.get("/demandes/", {"q": "anne", "page": 2})
    assert len(page.context["rows"]) == 1
    assert "51 à 51 sur" in page.text
    assert "?q=anne&amp;page=1" in page.text


def test_a_decision_leads_back_to_the_list_as_it_was_filtered(client, managed):
    wanted, other = AttachmentRequestFactory.create_batch(2, structure=managed)
    link = f"/demandes/{wanted.reference}/?retour=%2Fdemandes%2F%3Fq%3Danne"
    assert f'href="{link.removeprefix("/demandes/")}"' in client.get("/demandes/", {"q": "anne"}).text
    page = client.get(link).text
    assert f"/demandes/{other.reference}/?retour=%2Fdemandes%2F%3Fq%3Danne" in page
    assert f"/demandes/{wanted.reference}/refus/?retour=%2Fdemandes%2F%3Fq%3Danne" in page
    assert client.post(link, {"role": "simple", "scope": "whole"}).url == "/demandes/?q=anne"
    refusal = f"/demandes/{other.reference}/refus/?retour=%2Fdemandes%2F%3Fq%3Danne"
    assert client.post(refusal, {"reason": "Non"}).url == "/demandes/?q=anne"


@pytest.mark.parametrize("elsewhere", ["https://mal.example/?q=a", "//mal.example/demandes/?q=a", "/admin/?q=a"])
def test_nobody_is_led_elsewhere_after_a_decision(client, managed, elsewhere):
    wanted = AttachmentRequestFactory(structure=managed)
    answer = client.post(f"/demandes/{wanted.reference}/?retour={elsewhere}", {"role": "simple", "scope": "whole"})
    assert answer.url.partition("?")[0] == "/demandes/"


def test_the_last_request_has_no_next_one(client, managed):
    first, last = AttachmentRequestFactory.create_batch(2, structure=managed)
    assert client.get(f"/demandes/{first.reference}/").context["next_reference"] == last.reference
    assert client.get(f"/demandes/{last.reference}/").context["next_reference"] is None


def test_the_next_one_is_of_the_list_the_request_was_opened_from(client, managed):
    first, other, last = (
        AttachmentRequestFactory(structure=managed, user__first_name=name) for name in ("Anne", "Zoé", "Anne")
    )

    def following(request, query):
        return client.get(f"/demandes/{request.reference}/", {"retour": f"/demandes/{query}"}).context["next_reference"]

    assert (following(first, ""), following(first, "?q=anne")) == (other.reference, last.reference)
    refuse_request(last.pk, actor=managed.attachments.get().user, reason="Non")
    assert following(first, "?vue=decidees") is None


def test_nobody_s_own_request_waits_for_them(client, managed):
    """A secondary manager of some services asks for all of it."""
    own = AttachmentRequestFactory(structure=managed, user=UserFactory())
    AttachmentFactory(structure=managed, user=own.user, role=Role.SECONDARY, whole_structure=False)
    other = AttachmentRequestFactory(structure=managed)
    client.force_login(own.user)
    page = client.get("/demandes/")
    assert page.context["rows"] == [other]
    assert page.context["waiting"] == page.context["navigation"].waiting == 1
    assert client.get(f"/demandes/{other.reference}/").context["next_reference"] is None


def test_decided_requests_say_as_what_by_whom_and_why_newest_first(client, managed):
    manager = managed.attachments.get().user
    service = ServiceFactory(structure=managed, label="Intendance", code="INT")
    approved, refused = AttachmentRequestFactory.create_batch(2, structure=managed)
    AttachmentRequestFactory(structure=managed)
    approve_request(approved.pk, actor=manager, role=Role.SECONDARY, whole_structure=False, services=[service])
    refuse_request(refused.pk, actor=manager, reason="Autre établissement")
    answer = client.get("/demandes/", {"vue": "decidees"})
    assert list(answer.context["rows"]) == [refused, approved]
    for said in ("Gestionnaire secondaire · Intendance", "Autre établissement", f"par {manager}"):
        assert said in answer.text
    assert "INT)" not in answer.text
    page = client.get(f"/demandes/{approved.reference}/").text
    for said in ("Gestionnaire secondaire", "Intendance", str(manager), "il n'y a plus rien à faire"):
        assert said in page


def test_what_was_decided_is_told_as_it_was_even_after_the_attachment_changed(client, managed):
    wanted = AttachmentRequestFactory(structure=managed)
    attachment = approve_request(wanted.pk, actor=managed.attachments.get().user)
    attachment.role = Role.SECONDARY
    attachment.save()
    assert "Utilisateur simple · Toute la structure" in client.get("/demandes/", {"vue": "decidees"}).text


def test_what_the_portal_decided_itself_is_told(client, support):
    founder, structure = UserFactory(), StructureFactory(private=True)
    assert send_request(founder, structure, actor=founder).status == "approved"
    page = client.get("/demandes/", {"vue": "decidees"}).text
    assert "Gestionnaire principal · Toute la structure" in page
    assert "par le portail" in page


def test_decisions_on_other_structures_are_not_shown(client, managed):
    AttachmentRequestFactory(status="approved", decided_at=timezone.now())
    assert rows(client, vue="decidees") == []
    assert "Aucune demande décidée" in client.get("/demandes/?vue=decidees").text


@pytest.mark.parametrize("view", ["toutes", "n'importe quoi", "DECIDEES"])
def test_a_manager_has_no_other_list(client, managed, view):
    AttachmentRequestFactory()
    assert rows(client, vue=view) == []


def test_support_finds_what_nobody_else_decides_and_everything_else_apart(client, support, managed):
    client.force_login(support)
    theirs, orphan = AttachmentRequestFactory(structure=managed), AttachmentRequestFactory()
    assert rows(client) == [orphan]
    assert client.get("/").context["navigation"].waiting == 1
    assert rows(client, vue="toutes") == [theirs, orphan]
    assert f"Décide : {managed.attachments.get().user}" in client.get("/demandes/?vue=toutes").text


@pytest.mark.parametrize(
    ("principal", "cause"),
    [
        (None, "Aucun gestionnaire principal"),
        ({"user__activating": True}, "Le gestionnaire principal n'a jamais activé son compte"),
        ({"user__state": "disabled"}, "Le compte du gestionnaire principal est désactivé"),
        ({"user__closed": True}, "Le compte du gestionnaire principal est clos"),
    ],
)
def test_support_reads_why_nobody_else_decides(client, support, principal, cause):
    wanted = AttachmentRequestFactory()
    if principal is not None:
        AttachmentFactory(structure=wanted.structure, role=Role.PRINCIPAL, **principal)
    assert cause in client.get("/demandes/").text
    assert cause in client.get(f"/demandes/{wanted.reference}/").text


def test_nobody_is_the_only_one_to_decide_their_own_request(client, support):
    alone = AttachmentFactory(role=Role.SECONDARY, whole_structure=False)
    request = send_request(alone.user, alone.structure, actor=alone.user)
    assert AttachmentRequest.objects.pending().without_decider().get() == request
    assert "La seule personne qui décide est le demandeur" in client.get("/demandes/").text
    assert sorted(OutgoingMail.objects.values_list("slug", flat=True)) == ["request_sent", "request_to_support"]


@pytest.mark.parametrize(
    ("role", "activated", "said"),
    [
        ("simple", True, "n'a toujours pas de gestionnaire principal : les prochaines demandes reviendront"),
        ("secondary", False, "n'a toujours pas de gestionnaire principal : les prochaines demandes reviendront"),
        ("secondary", True, "n'a toujours pas de gestionnaire principal."),
        ("principal", True, "(toute la structure). Un courriel l'en informe."),
    ],
)
def test_support_is_told_what_the_structure_is_left_with(client, support, role, activated, said):
    wanted = AttachmentRequestFactory(user=UserFactory(pending=not activated))
    answer = client.post(f"/demandes/{wanted.reference}/", {"role": role, "scope": "whole"}, follow=True)
    assert said in answer.text
    assert ("n'a toujours pas" in answer.text) is (role != "principal")


def test_support_is_written_to_but_not_flooded(settings):
    settings.DECIDER_MAIL_RATE = "2/h"
    for user in UserFactory.create_batch(3, pending=True):
        send_request(user, StructureFactory(), actor=user)
    assert OutgoingMail.objects.filter(slug="request_to_support", to="assistance@portail.example").count() == 2


@pytest.mark.parametrize("leave", ["detached", "deactivated", "modified"])
def test_support_is_told_when_the_last_one_to_decide_leaves(leave):
    secondary, support = AttachmentFactory(role=Role.SECONDARY), UserFactory(staff=True)
    user = UserFactory(pending=True)
    send_request(user, secondary.structure, actor=user)
    assert not OutgoingMail.objects.filter(slug="request_to_support").exists()
    if leave == "detached":
        detach(secondary.pk, actor=support)
    elif leave == "modified":
        terms = {"role": Role.SIMPLE, "whole_structure": True, "services": []}
        dates = {"starts_on": secondary.starts_on, "ends_on": None}
        change_place(secondary.pk, actor=support, version=secondary.version, **terms, **dates)
    else:
        deactivate_account(secondary.user_id, actor=support)
    assert OutgoingMail.objects.filter(slug="request_to_support").count() == 1


def test_support_is_not_told_when_somebody_else_still_decides(managed):
    secondary, user = AttachmentFactory(role=Role.SECONDARY, structure=managed), UserFactory(pending=True)
    send_request(user, managed, actor=user)
    detach(secondary.pk, actor=managed.attachments.first().user)
    assert not OutgoingMail.objects.filter(slug="request_to_support").exists()


@pytest.mark.parametrize(
    ("posted", "sent"),
    [
        ({"motive": "service"}, "Faites une nouvelle demande pour le service"),
        ({"motive": "unknown", "reason": "Passez à la loge."}, "renvoyez votre demande.\nPassez à la loge."),
        ({"motive": "other", "reason": "Complet"}, "Complet"),
    ],
)
def test_a_ready_motive_is_sent_with_what_completes_it(client, managed, posted, sent):
    wanted = AttachmentRequestFactory(structure=managed, whole_structure=False)
    client.post(f"/demandes/{wanted.reference}/refus/", posted)
    wanted.refresh_from_db()
    assert wanted.status == "refused"
    assert wanted.reason.endswith(sent) or sent in wanted.reason


@pytest.mark.parametrize(
    "posted",
    # Not the right service is no reason to refuse the whole structure.
    [
        {"motive": "service"},
        {"motive": "other"},
        {"motive": "forged", "reason": "Non"},
        {"motive": "service", "reason": "www.mal.example"},
    ],
)
def test_a_motive_of_one_s_own_needs_words_and_a_forged_one_is_none(client, managed, posted):
    wanted = AttachmentRequestFactory(structure=managed)
    assert client.post(f"/demandes/{wanted.reference}/refus/", posted).status_code == 422
    wanted.refresh_from_db()
    assert wanted.is_pending


def mail_to(address):
    return [as_typed(part) for part in OutgoingMail.objects.get(to=address).parts()]


def test_the_manager_s_mail_names_scope_and_comment(managed):
    manager, user = managed.attachments.get().user, UserFactory(pending=True)
    service = ServiceFactory(structure=managed, label="Intendance")
    send_request(
        user, managed, actor=user, whole_structure=False, services=[service], comment="Je remplace <b>Anne</b>."
    )
    text, html = mail_to(manager.email)
    assert "Niveau demandé : Intendance" in text
    assert "Je remplace <b>Anne</b>." in text
    assert "Je remplace &lt;b&gt;Anne&lt;/b&gt;." in html
    assert "Je remplace" not in mail_to(user.email)[0]


def test_a_comment_goes_to_no_address_nobody_confirmed(managed):
    """Nor is it in the mail to somebody who decides and has never activated the account."""
    manager, user = managed.attachments.get().user, UserFactory(pending=True)
    manager.contact_email = "bureau@exemple.example"
    manager.save()
    request = send_request(user, managed, actor=user, comment="Je remplace Anne.")
    assert "Je remplace" in mail_to(manager.email)[0]
    assert not OutgoingMail.objects.filter(to=manager.contact_email).exists()
    unseen = UserFactory(activating=True)
    send_request_to_decide(request, deciders=[unseen])
    assert all("Je remplace" not in part for part in mail_to(unseen.email))


def test_the_manager_s_mail_lists_what_is_asked_and_says_who_else_can_decide(managed):
    manager, user = managed.attachments.get().user, UserFactory(pending=True, first_name="Rachid", last_name="Amrani")
    send_request(user, managed, actor=user)
    lines = ("Rachid Amrani", user.email, "Toute la structure", date_format(timezone.localdate(), "F Y"))
    text, html = mail_to(manager.email)
    for line in lines:
        assert line in text
        assert line in html.replace("<wbr>", "")
    assert "la bonne personne" not in text + html
    other = AttachmentFactory(structure=managed, role=Role.SECONDARY).user
    OutgoingMail.objects.all().delete()
    send_request(second := UserFactory(pending=True), managed, actor=second)
    for part in mail_to(manager.email):
        assert f"{other} peut aussi décider." in part
    for part in mail_to(other.email):
        assert f"{manager} peut aussi décider." in part


def test_support_s_mail_lists_the_same(support):
    user = UserFactory(pending=True)
    request = send_request(user, StructureFactory(legal_name="Lycée Voisin"), actor=user)
    for part in mail_to("assistance@portail.example"):
        for line in ("Lycée Voisin", request.structure.full_identifier, str(user), user.email, "Toute la structure"):
            assert line in part.replace("<wbr>", "")


@pytest.mark.parametrize("whole", [True, False])
def test_the_approval_names_role_and_services(managed, whole):
    service = ServiceFactory(structure=managed, label="Intendance")
    wanted = AttachmentRequestFactory(structure=managed)
    approve_request(
        wanted.pk,
        actor=managed.attachments.get().user,
        role=Role.SECONDARY,
        whole_structure=whole,
        services=[service],
    )
    text, _ = OutgoingMail.objects.get(slug="request_approved").parts()
    assert "gestionnaire secondaire" in text
    assert ("toute la structure" if whole else "Intendance") in text


def test_old_requests_are_marked(client, managed):
    noon = timezone.localtime().replace(hour=12)
    for days in (0, 1, 4, 10, 400):
        AttachmentRequestFactory(structure=managed, created_at=noon - timedelta(days=days))
    page = client.get("/demandes/").text
    assert [page.count(word) for word in ("age-late", "age-wait", "1 jour<", "400 jours")] == [2, 1, 1, 1]
