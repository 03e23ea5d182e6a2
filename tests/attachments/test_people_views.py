"""The pages of a structure's people, and « Rechercher utilisateur »."""

from datetime import timedelta
from urllib.parse import unquote, urlencode

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import User
from attachments.actions import change_place, detach, name_deputy
from attachments.models import Attachment, Role
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from structures.models import Referent
from tests.factories import AttachmentFactory, AttachmentRequestFactory, ServiceFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate
DAY = timedelta(days=1)


@pytest.fixture
def structure(client):
    """Where the person at the screen is principal manager."""
    structure = StructureFactory(legal_name="Collège Jean Macé")
    client.manager = AttachmentFactory(structure=structure, role=Role.PRINCIPAL, user__last_name="Zola").user
    client.force_login(client.manager)
    return structure


@pytest.fixture
def here(structure):
    return f"/structures/{structure.pk}/personnes/"


def names(client, address):
    return [row.user.last_name for row in client.get(address).context["rows"]]


def place(**typed):
    return {"role": "simple", "scope": "whole", "starts_on": TODAY().isoformat(), "ends_on": ""} | typed


def test_people_are_filtered_by_words_role_service_and_standing_and_sorted(client, structure, here):
    service = ServiceFactory(structure=structure)
    first = AttachmentFactory(
        structure=structure, user__last_name="Amrani", ends_on=TODAY() + DAY, whole_structure=False
    )
    first.services.add(service)
    AttachmentFactory(
        structure=structure,
        user__last_name="Benali",
        role=Role.SECONDARY,
        starts_on=TODAY() + DAY,
        ends_on=TODAY() + 2 * DAY,
    )
    AttachmentFactory(structure=structure, user__last_name="Castel", ended_at=timezone.now())
    for query, found in {
        "": ["Amrani", "Benali", "Zola"],
        "q=amr*ni": ["Amrani"],
        "role=secondary": ["Benali"],
        f"service={service.pk}": ["Amrani"],
        "service=x&role=y&statut=z&tri=q": ["Amrani", "Benali", "Zola"],
        "statut=ending": ["Amrani"],
        "statut=upcoming": ["Benali"],
        "statut=in_force": ["Zola"],
        "statut=over": ["Castel"],
        "tri=role": ["Zola", "Benali", "Amrani"],
        "tri=debut": ["Benali", "Amrani", "Zola"],
    }.items():
        assert sorted(names(client, f"{here}?{query}")) == sorted(found), query
        if query.startswith("tri") or not query:
            assert names(client, f"{here}?{query}") == found, query
    text = client.get(f"{here}export.csv?role=secondary").getvalue().decode()
    assert "Benali" in text
    assert "Amrani" not in text


@pytest.mark.parametrize(
    ("role", "listed", "public", "private"),
    [("secondary", True, 200, 200), ("simple", False, 403, 403), (None, False, 403, 404)],
)
def test_a_structure_s_people_are_its_managers_to_see(client, role, listed, public, private):
    for nature, status in (("public", public), ("private", private)):
        structure = StructureFactory(nature=nature)
        user = AttachmentFactory(structure=structure, role=role).user if role else UserFactory()
        client.force_login(user)
        assert client.get(f"/structures/{structure.pk}/personnes/").status_code == status
        if status != 404:
            assert ("Personnes" in client.get(f"/structures/{structure.pk}/").text) is listed


def test_a_person_of_another_structure_is_not_found_here(client, structure, here):
    elsewhere = AttachmentFactory()
    for tail in ("", "modifier/", "detacher/"):
        assert client.get(f"{here}{elsewhere.pk}/{tail}").status_code == 404


def test_nobody_acts_on_themselves_nor_on_the_principal_manager(client, structure, here):
    own = Attachment.objects.get()
    assert "C'est vous" in client.get(f"{here}{own.pk}/").text
    for user in (client.manager, UserFactory(staff=True)):
        client.force_login(user)
        for tail in ("modifier/", "detacher/"):
            assert client.post(f"{here}{own.pk}/{tail}", place()).status_code == 403
    assert "Ce rôle se transmet" in client.get(f"{here}{own.pk}/").text


def test_a_place_is_changed_and_the_same_page_sent_twice_asks_again(client, structure, here):
    row = AttachmentFactory(structure=structure)
    page = client.get(f"{here}{row.pk}/modifier/")
    typed = place(role="secondary", version=page.context["form"]["version"].value())
    assert client.post(f"{here}{row.pk}/modifier/", typed).url == f"{here}{row.pk}/"
    row.refresh_from_db()
    assert row.role == Role.SECONDARY
    ends_on = TODAY() + 9 * DAY
    again = client.post(f"{here}{row.pk}/modifier/", typed | {"ends_on": ends_on.isoformat()})
    assert again.status_code == 422
    # Only what would be overwritten: the role is the same.
    errors = again.context["form"].errors
    assert errors.keys() == {"ends_on", "__all__"}
    assert errors["ends_on"] == [f"Valeur actuelle : vide. La vôtre ({date_format(ends_on, 'j F Y')}) la remplacerait."]
    assert f"{client.manager} a modifié ce rattachement le" in errors["__all__"][0]
    again = client.post(f"{here}{row.pk}/modifier/", typed | {"role": "simple"})
    assert "Valeur actuelle : Gestionnaire secondaire. La vôtre (Utilisateur simple)" in again.text
    assert client.post(f"{here}{row.pk}/modifier/", again.context["form"].data).status_code == 302


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "principal"},
        {"starts_on": "hier"},
        {"ends_on": "2020-01-01"},
        {"scope": "services"},
        {"scope": "services", "services": "999999999999999999999"},
        {"starts_on": "2026-13-41"},
    ],
)
def test_what_is_wrongly_typed_is_said_and_kept(client, structure, here, wrong):
    row = AttachmentFactory(structure=structure)
    ServiceFactory(structure=structure)
    version = client.get(f"{here}{row.pk}/modifier/").context["form"]["version"].value()
    answer = client.post(f"{here}{row.pk}/modifier/", place(version=version, **wrong))
    assert answer.status_code == 422
    assert "à corriger" in answer.text


def test_detaching_says_what_follows_first(client, structure, here):
    service = ServiceFactory(structure=structure, label="Intendance")
    row = AttachmentFactory(structure=structure, whole_structure=False)
    row.services.add(service)
    page = client.get(f"{here}{row.pk}/detacher/").text
    assert "sans personne : Intendance" in " ".join(page.split())
    assert client.post(f"{here}{row.pk}/detacher/", {"reason": "voir http://mal.example"}).status_code == 422
    assert client.post(f"{here}{row.pk}/detacher/", {"reason": "Mutation"}).url == here
    row.refresh_from_db()
    assert row.ended_at
    assert "Mutation" in OutgoingMail.objects.get().parts()[0]


def test_attaching_by_address(client, structure, here):
    person = UserFactory(email="lou@exemple.example")
    other = AttachmentFactory(user=client.manager, role=Role.PRINCIPAL).structure
    typed = place(email="Lou@exemple.example", others=[other.pk], comment="Bonjour")
    assert client.post(f"{here}rattacher/", typed).url == here
    assert {row.structure for row in person.attachments.all()} == {structure, other}
    again = client.post(f"{here}rattacher/", place(email=person.email))
    assert again.status_code == 422
    assert "déjà un rattachement" in again.text


def test_a_role_is_given_where_one_may_only(client, structure, here):
    other = AttachmentFactory(user=client.manager, role=Role.SECONDARY).structure
    person = UserFactory()
    typed = place(email=person.email, others=[other.pk], role="secondary")
    assert client.post(f"{here}rattacher/", typed | {"others": [StructureFactory().pk]}).status_code == 422
    assert "Vous ne donnez pas ce rôle dans" in client.post(f"{here}rattacher/", typed, follow=True).text
    assert person.attachments.get().structure == structure


def test_rights_are_duplicated_to_the_ticked_among_those_one_knows(client, structure, here):
    source = AttachmentFactory(structure=structure, role=Role.SECONDARY)
    known = AttachmentFactory(structure=AttachmentFactory(user=client.manager, role=Role.PRINCIPAL).structure).user
    stranger = AttachmentFactory().user
    address = f"{here}{source.pk}/dupliquer/"
    assert [person.pk for person in client.get(address).context["people"]] == [known.pk]
    shown = client.post(address, {"personne": [known.pk, stranger.pk]})
    assert shown.context["newcomers"] == [known]
    assert not known.attachments.filter(structure=structure).exists()
    answer = client.post(address, {"personne": [known.pk, stranger.pk], "confirme": "1"}, follow=True)
    assert f"Droits dupliqués : {known}" in answer.text
    assert known.attachments.get(structure=structure).role == Role.SECONDARY
    assert not structure.attachments.filter(user=stranger).exists()
    assert client.post(address, {"personne": [known.pk]}).context["same"] == [known]
    again = client.post(address, {"personne": [known.pk], "confirme": "1"}, follow=True)
    assert "a déjà tout cela" in again.text
    assert "Cochez au moins une personne" in client.post(address, {"personne": [stranger.pk]}, follow=True).text


def test_duplicating_mails_no_more_people_than_a_manager_may(client, structure, here, settings):
    settings.ATTACH_RATE = "2/h"
    source, *people = AttachmentFactory.create_batch(4, structure=structure)
    ServiceFactory(structure=structure)
    Attachment.objects.filter(pk__in=[one.pk for one in people]).update(whole_structure=False)
    address = f"{here}{source.pk}/dupliquer/"
    shown = client.post(address, {"personne": [one.user_id for one in people]})
    assert [one.gains for one in shown.context["widened"]] == [["Toute la structure"]] * 3
    answer = client.post(address, {"personne": [one.user_id for one in people], "confirme": "1"}, follow=True)
    assert "Cochez moins de personnes, ou attendez une heure" in answer.text
    assert not OutgoingMail.objects.exists()
    client.post(address, {"personne": [one.user_id for one in people[:2]], "confirme": "1"})
    assert OutgoingMail.objects.count() == 2


def test_whoever_is_attached_already_is_led_to_and_whoever_was_detached_comes_back(client, structure, here):
    held = AttachmentFactory(structure=structure)
    answer = client.post(f"{here}rattacher/", place(email=held.user.email))
    assert answer.context["form"].has_error("email", "already_attached")
    assert f'href="{here}{held.pk}/"' in answer.text
    detach(held.pk, actor=client.manager)
    page = client.get(f"{here}{held.pk}/").text
    assert f"par {client.manager}" in page
    again = f"{here}rattacher/?personne={held.user_id}"
    assert f'href="{again}"' in page
    form = client.get(again).text
    assert str(held.user) in form
    assert held.user.email not in form
    assert client.post(again, place()).status_code == 302
    assert structure.attachments.lasting().filter(user=held.user).exists()


def test_nobody_who_left_the_portal_is_offered_again_and_a_place_ended_early_says_when(client, structure, here):
    ends_on = TODAY() + 90 * DAY
    over = AttachmentFactory(structure=structure, ended_at=timezone.now(), ends_on=ends_on, user__closed=True)
    assert "Rattacher de nouveau" not in client.get(f"{here}{over.pk}/").text
    listed = client.get(f"{here}?statut=over").text
    assert f">au {date_format(TODAY(), 'j N Y')}<" in " ".join(listed.split())
    assert date_format(ends_on, "j N Y") not in listed


def test_an_unknown_address_leads_to_the_account_with_what_was_typed(client, structure, here):
    service = ServiceFactory(structure=structure)
    typed = place(email="lou@exemple.example", scope="services", services=[service.pk])
    answer = client.post(f"{here}rattacher/", typed)
    assert answer.status_code == 422
    assert "Aucun compte ne porte cette adresse" in answer.text
    page = client.post(f"{here}nouveau/", typed | {"repris": "1"})
    assert page.status_code == 200
    assert page.context["form"]["email"].value() == "lou@exemple.example"
    person = {"email_again": "lou@exemple.example", "first_name": "Lou", "last_name": "Petit"}
    created = client.post(f"{here}nouveau/", typed | person)
    row = Attachment.objects.get(user__email="lou@exemple.example")
    assert created.url == f"{here}{row.pk}/"
    assert (row.user.state, list(row.services.all())) == ("activating", [service])
    taken = client.post(f"{here}nouveau/", typed | person)
    assert taken.status_code == 422
    assert f'href="{here}rattacher/"' in taken.text


def test_addresses_are_not_tried_for_ever(client, structure, here, settings):
    settings.ATTACH_RATE = "2/h"
    for number in range(2):
        assert "Aucun compte" in client.post(f"{here}rattacher/", place(email=f"a{number}@exemple.example")).text
    answer = client.post(f"{here}rattacher/", place(email=UserFactory().email))
    assert "beaucoup d'adresses" in answer.text
    assert Attachment.objects.count() == 1


def test_where_the_pigp_keeps_the_accounts_its_referent_is_shown(client, structure, here):
    structure.uses_pigp = True
    structure.referent = Referent.objects.create(administration="Rennes", name="Yann", email="yann@exemple.example")
    structure.save()
    for method in (client.get, client.post):
        assert "yann@exemple.example" in method(f"{here}nouveau/").text
    assert "yann@exemple.example" in client.get(here).text


def test_only_people_one_may_know_of_are_found_and_chosen(client, structure, here):
    known = AttachmentFactory(structure=structure, user__last_name="Connu").user
    stranger = AttachmentFactory(user__last_name="Connue").user
    found = client.get(f"{here}rattacher/?q=connu").context["found"]
    assert [person.pk for person in found] == [known.pk]
    assert client.get(f"{here}rattacher/?personne={known.pk}").status_code == 200
    for key in (stranger.pk, "x", "9" * 30):
        assert client.get(f"{here}rattacher/?personne={key}").status_code == 404


def test_nobody_attaches_to_an_inactive_structure(client, structure, here):
    structure.state = "inactive"
    structure.save()
    for tail in ("rattacher/", "nouveau/"):
        assert client.get(f"{here}{tail}").url == here


def test_users_are_sought_over_the_structures_one_manages(client, structure):
    service = ServiceFactory(structure=structure, label="Restauration")
    row = AttachmentFactory(structure=structure, whole_structure=False, user__last_name="Amrani")
    row.services.add(service)
    AttachmentFactory(user=row.user, structure__legal_name="Ailleurs")
    AttachmentFactory(structure=structure, user=UserFactory(activating=True, last_name="Petit"))
    AttachmentFactory(user__last_name="Amrani")
    for query, found in {
        "nom=amrani": ["Amrani"],
        "statut=activating": ["Petit"],
        "service=restau": ["Amrani"],
        "structure=ailleurs": [],
        "structure=jean mace": ["Amrani", "Petit", "Zola"],
        "adresse=" + row.user.email: ["Amrani"],
        "prenom=anne&nom=zo*a": ["Zola"],
    }.items():
        page = client.get(f"/personnes/?{query}")
        assert [person.last_name for person in page.context["people"]] == found, query
        assert "Ailleurs" not in page.text
    assert client.get("/personnes/?cocher=page").text.count("checked") == 3
    client.force_login(UserFactory(staff=True))
    assert client.get("/personnes/").context["people"] == []
    assert len(client.get("/personnes/?nom=amrani").context["people"]) == 2


def test_the_link_is_sent_again_to_the_ticked_or_to_all(client, structure, monkeypatch):
    waiting = [AttachmentFactory(structure=structure, user=UserFactory(activating=True)).user for _ in range(2)]
    stranger = UserFactory(activating=True)
    ticked = [waiting[0].pk, client.manager.pk, stranger.pk]
    page = client.get("/personnes/renvoi/", {"personne": ticked})
    assert (page.context["count"], page.context["leaving"]) == (1, waiting[:1])
    assert "1 compte n'attend pas d'être activé" in " ".join(page.text.replace("’", "'").split())
    client.post("/personnes/renvoi/", {"personne": ticked}, follow=True)
    assert list(OutgoingMail.objects.values_list("to", flat=True)) == [waiting[0].email]
    answer = client.post("/personnes/renvoi/", {"tous": "1", "statut": "activating"}, follow=True)
    assert f"Le courriel d'activation est renvoyé à {waiting[1]}" in answer.text
    (said,) = answer.context["messages"]
    assert "1 personne vient de le recevoir : possible de nouveau à partir du" in str(said)
    page = client.get("/personnes/renvoi/", {"tous": "1", "statut": "activating"})
    assert (page.context["count"], page.context["foreseen"].too_soon) == (0, 2)
    (said,) = client.post("/personnes/renvoi/", {"tous": "1"}, follow=True).context["messages"]
    assert "parti.<br>2 personnes viennent" in str(said)
    OutgoingMail.objects.update(created_at=timezone.now() - timedelta(hours=1))
    with monkeypatch.context() as few:
        few.setattr("attachments.views.finding.MOST", 1)
        assert client.get("/personnes/renvoi/", {"tous": "1"}).context["left"] == 1
        (said,) = client.post("/personnes/renvoi/", {"tous": "1"}, follow=True).context["messages"]
        assert "1 personne attend encore son lien : recommencez." in str(said)
    assert client.get("/personnes/renvoi/?personne=x").status_code == 404


def test_ticked_users_are_exported(client, structure):
    people = [AttachmentFactory(structure=structure).user for _ in range(3)]
    text = client.get("/personnes/export.csv", {"personne": [people[0].pk, UserFactory().pk]}).getvalue().decode()
    assert [person.email in text for person in people] == [True, False, False]
    assert len(text.splitlines()) == 2
    assert len(client.get("/personnes/export.csv?tous=1").getvalue().decode().splitlines()) == 5
    answer = client.get("/personnes/export.csv?nom=a&retour=%2Fpersonnes%2F%3Fnom%3Da", follow=True)
    assert answer.redirect_chain == [("/personnes/?nom=a", 302)]
    assert "Cochez les personnes" in answer.text


def test_the_link_is_sent_again_from_the_person_s_page(client, structure, here):
    row = AttachmentFactory(structure=structure, user=UserFactory(activating=True))
    AttachmentRequestFactory(structure=structure, user=row.user)
    assert "Renvoyer le courriel d'activation" in client.get(f"{here}{row.pk}/").text
    assert "renvoyé" in client.post(f"{here}{row.pk}/renvoi/", follow=True).text
    assert OutgoingMail.objects.get().slug == "activation"
    assert User.objects.get(pk=row.user_id).state == User.State.ACTIVATING
    (said,) = client.post(f"{here}{row.pk}/renvoi/", follow=True).context["messages"]
    assert "parti.<br>1 personne vient de le recevoir" in str(said)


def test_the_way_back_leads_to_the_list_as_it_was_filtered(client, structure, here):
    row = AttachmentFactory(structure=structure, user__last_name="Amrani", ends_on=TODAY() + DAY)
    own = f"{here}{row.pk}/"
    for behind in (f"{here}?q=amrani", "/personnes/?nom=amrani"):
        carried = "?" + urlencode({"retour": behind})
        assert unquote(f'href="{own}{carried}"') in unquote(client.get(behind).text)
        page = client.get(own + carried).text
        assert f'<a href="{behind}">' in page
        for tail in ("modifier/", "detacher/", "dupliquer/"):
            assert f'href="{own}{tail}{carried}"' in page
            assert f'href="{own}{carried}"' in client.get(own + tail + carried).text
        extending = f"/rattachements/{row.pk}/prolonger/?" + urlencode({"retour": own + carried})
        assert f'href="{own}{carried}"' in client.get(extending).text
        typed = place(version=Attachment.objects.get(pk=row.pk).version, ends_on=TODAY() + DAY)
        assert client.post(own + "modifier/" + carried, typed).url == own + carried
    assert client.post(own + "detacher/" + carried, {"reason": ""}).url == behind


@pytest.mark.parametrize("key", ["9" * 19, "9" * 5_000])
def test_a_key_too_long_is_nobody_s(client, here, key):
    assert client.get(f"{here}rattacher/?personne={key}").status_code == 404
    assert client.post(f"{here}nouveau/", place(repris="1", services=key)).status_code == 200


def test_days_at_the_ends_of_the_calendar_are_refused(client, structure, here):
    row = AttachmentFactory(structure=structure)
    typed = place(version=row.version, starts_on="0001-01-01", ends_on="9999-12-31")
    answer = client.post(f"{here}{row.pk}/modifier/", typed)
    assert answer.status_code == 422
    assert answer.text.count("entre 2000 et 2100") >= 2
    Attachment.objects.filter(pk=row.pk).update(ends_on="9999-12-31")
    assert client.get(f"/rattachements/{row.pk}/prolonger/").status_code == 200


def test_nobody_is_mailed_change_after_change(client, structure, here, settings):
    settings.ATTACH_RATE = "2/h"
    row = AttachmentFactory(structure=structure, ends_on=TODAY() + DAY)
    for days in (2, 3, 4):
        version = client.get(f"{here}{row.pk}/modifier/").context["form"]["version"].value()
        answer = client.post(f"{here}{row.pk}/modifier/", place(version=version, ends_on=TODAY() + days * DAY))
    assert "beaucoup de changements" in answer.text
    later = {"deputy": row.pk, "starts_on": TODAY(), "ends_on": TODAY() + 9 * DAY}
    for address in (f"/rattachements/{row.pk}/prolonger/", f"/structures/{structure.pk}/suppleance/"):
        assert "beaucoup de changements" in client.post(address, later).text
    assert OutgoingMail.objects.count() == 2


@pytest.mark.parametrize("over", [{"ended_at": timezone.now()}, {"ends_on": TODAY() - DAY}])
def test_of_a_former_colleague_neither_address_nor_phone_is_shown(client, structure, here, over):
    newcomer = {"user__email": "nouvelle@ailleurs.example", "user__phone": "+33612345678", "user__activating": True}
    row = AttachmentFactory(
        structure=structure, starts_on=TODAY() - 9 * DAY, user__last_name="Partie", **newcomer, **over
    )
    page, listed = client.get(f"{here}{row.pk}/").text, client.get(f"{here}?statut=over").text
    exported = client.get(f"{here}export.csv?statut=over").getvalue().decode()
    for text in (page, listed, exported):
        assert "Partie" in text
        assert "nouvelle@ailleurs" not in text
    assert "06 12 34" not in page
    assert "Renvoyer" not in page
    assert names(client, f"{here}?statut=over&q=ailleurs") == []
    assert "déjà terminé" in client.post(f"{here}{row.pk}/renvoi/", follow=True).text
    assert not OutgoingMail.objects.exists()


def test_a_place_that_ran_out_is_not_revived_by_changing_it(client, structure, here):
    row = AttachmentFactory(structure=structure, starts_on=TODAY() - 9 * DAY, ends_on=TODAY() - DAY)
    client.force_login(AttachmentFactory(structure=structure, role=Role.SECONDARY).user)
    typed = place(version=row.version, starts_on=row.starts_on)
    assert "déjà terminé" in client.post(f"{here}{row.pk}/modifier/", typed, follow=True).text
    change = {"role": Role.SIMPLE, "whole_structure": True, "services": [], "starts_on": row.starts_on, "ends_on": None}
    with pytest.raises(ActionError) as refused:
        change_place(row.pk, actor=client.manager, version=row.version, **change)
    assert refused.value.code == "attachment_over"


@pytest.mark.parametrize("begins", [0, 1])
def test_secondary_managers_do_not_detach_who_stands_in_or_is_about_to(client, structure, here, begins):
    row = AttachmentFactory(structure=structure)
    days = {"starts_on": TODAY() + begins * DAY, "ends_on": TODAY() + 5 * DAY}
    name_deputy(structure.pk, row.user_id, actor=client.manager, **days)
    client.force_login(AttachmentFactory(structure=structure, role=Role.SECONDARY).user)
    assert client.post(f"{here}{row.pk}/detacher/", {"reason": ""}).status_code == 403
    assert Attachment.objects.lasting().filter(pk=row.pk).exists()
