"""The user's side: what they have, asking in two steps or one click, giving back, each space's page."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from attachments.models import Role
from spaces.models import Space, StructureSpace, Subscription
from tests.factories import AttachmentFactory, ServiceFactory, StructureFactory, SubscriptionFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST, ADD, END = "/mes-abonnements/", "/mes-abonnements/ajouter/", "/mes-abonnements/suppression/"
TODAY = "2099-01-01"


@pytest.fixture
def structure():
    structure = StructureFactory(legal_name="Collège des Tilleuls")
    AttachmentFactory(
        structure=structure, role=Role.PRINCIPAL, user=UserFactory(first_name="Claire", last_name="Fontaine")
    )
    return structure


@pytest.fixture
def me(client, structure):
    user = AttachmentFactory(structure=structure).user
    client.force_login(user)
    return user


def space(code="engagements"):
    return Space.objects.get(code=code)


def text(answer):
    """What a page says, wherever its lines break."""
    return " ".join(answer.text.split())


def opened(structure):
    StructureSpace.objects.create(structure=structure, space=space())
    return space()


def step(structure, chosen):
    return f"{ADD}?structure={structure.pk}&espace={chosen.pk}"


def test_asking_takes_two_addresses_and_keeps_what_was_typed(client, me, structure):
    service, url = ServiceFactory(structure=structure), step(structure, opened(structure))
    assert "Collège des Tilleuls" in client.get(ADD).text
    page = client.get(url).text
    assert page.count('name="parts"') == 4 and "Claire Fontaine" in page
    wrong = client.post(url, {"parts": [], "starts_on": "2020-01-01", "comment": "Remplacement"})
    assert wrong.status_code == 422
    for said in ("Cochez au moins un accès", "Cette date est passée", "Remplacement"):
        assert said in wrong.text
    foreign = ServiceFactory()
    assert client.post(url, {"parts": [f"{foreign.pk}-consultation"], "starts_on": TODAY}).status_code == 422
    sent = {"parts": ["0-consultation", f"{service.pk}-modification"], "starts_on": TODAY, "comment": "Remplacement"}
    assert "Claire Fontaine" in client.post(url, sent, follow=True).text
    assert {(row.service, row.access) for row in me.subscriptions.pending()} == {
        (None, "consultation"),
        (service, "modification"),
    }
    # What is asked for by default counts for each service.
    assert client.get(url).text.count('name="parts"') == 1
    listed = client.get(LIST).text
    assert listed.count("En cours de validation") == 2 and "Dossier n°" in listed


@pytest.mark.parametrize(
    ("code", "nature", "said"),
    [
        ("activites-du-gestionnaire", "public", "n'est pas pour votre rôle"),
        ("factures-recues", "private", "n'existe que pour les structures publiques"),
    ],
)
def test_what_cannot_be_asked_says_why(client, me, structure, code, nature, said):
    type(structure).objects.update(nature=nature)
    page = client.get(step(structure, space(code))).text
    assert said in page and 'name="parts"' not in page
    assert (
        client.post(step(structure, space(code)), {"parts": ["0-consultation"], "starts_on": TODAY}).status_code == 200
    )
    assert not Subscription.objects.exists()


def test_what_is_not_open_is_asked_for_with_its_opening_whatever_waits(client, me, structure):
    url = step(structure, space())
    for access, left in (("consultation", 1), ("modification", 0)):
        page = client.get(url)
        assert "n'est pas ouvert sur la structure" in page.text and "peut l'ouvrir et vous l'accorder" in text(page)
        client.post(url, {"parts": [f"0-{access}"], "starts_on": TODAY})
        assert client.get(url).text.count('name="parts"') == left
    assert me.subscriptions.pending().count() == 2 and "rien d'autre à demander" in text(client.get(url))
    # A request that waits makes nobody a giver who cannot open.
    AttachmentFactory(structure=structure, role=Role.SECONDARY, user=UserFactory(last_name="Benali"))
    assert "Benali" not in client.get("/espaces/engagements/").text


def test_one_click_asks_for_both_levels(client, me, structure):
    home = text(client.get("/"))
    assert "Claire Fontaine peut l'ouvrir et vous l'accorder" in home
    asked = {"structure": structure.pk, "accueil": "1"}
    assert client.post("/espaces/engagements/demander/", asked, follow=True).redirect_chain[-1][0] == "/"
    assert me.subscriptions.pending().get().space == space()
    assert "En cours de validation" in client.get("/").text
    client.post("/espaces/engagements/demander/", asked)
    assert me.subscriptions.count() == 1
    for wrong in (StructureFactory().pk, "x", ""):
        assert client.post("/espaces/engagements/demander/", {"structure": wrong}).status_code == 404


def test_one_click_asks_on_one_of_several_structures(client, me, structure, monkeypatch):
    other = AttachmentFactory(user=me, structure=StructureFactory(legal_name="Lycée Hugo")).structure
    AttachmentFactory(structure=other, role=Role.PRINCIPAL, user=UserFactory(last_name="Riva"))
    home = text(client.get("/"))
    assert "Collège des Tilleuls (Claire Fontaine)" in home and "Lycée Hugo (Anne Riva)" in home
    asked = {"structure": other.pk, "accueil": "1"}
    assert "La décision revient à Anne Riva" in text(client.post("/espaces/engagements/demander/", asked, follow=True))
    assert me.subscriptions.pending().get().structure == other
    home = text(client.get("/"))
    assert "Lycée Hugo : en cours de validation." in home
    assert "Collège des Tilleuls : Claire Fontaine peut l'ouvrir et vous l'accorder." in home
    # Of too many to name, the space's page has the buttons.
    monkeypatch.setattr("spaces.standing.Missing.NAMED", 1)
    home = text(client.get("/"))
    assert "2 structures" in home and "où demander « Engagements »" in home and "Lycée Hugo :" not in home


def test_a_space_opens_only_for_who_has_it(client, me, structure, settings):
    settings.SPACE_ADDRESSES = {"engagements": "https://engagements.example/"}
    assert "https://engagements.example/" not in client.get("/espaces/engagements/").text
    SubscriptionFactory(user=me, structure=structure, space=opened(structure))
    assert "https://engagements.example/" in client.get("/espaces/engagements/").text
    assert "/espaces/engagements/" in client.get("/").text
    settings.SPACE_ADDRESSES = {}
    assert "n'y mène pas encore" in client.get("/espaces/engagements/").text
    assert client.get("/espaces/rien/").status_code == 404


def test_giving_back_asks_first_and_only_ones_own(client, me, structure):
    mine = SubscriptionFactory(user=me, structure=structure, space=space())
    free = SubscriptionFactory(user=me, structure=structure, space=space("factures-emises"), by_default=True)
    role = SubscriptionFactory(user=me, structure=structure, space=space("mon-compte"), by_default=True)
    theirs = SubscriptionFactory(space=space())
    for key in (theirs.pk, "x", 10**18):
        assert client.get(f"{END}?abonnement={key}").status_code == 404
        assert client.post(END, {"abonnement": key}).status_code == 404
    ticked = [mine.pk, free.pk, role.pk]
    page = text(client.get(f"{END}?abonnement={mine.pk}&abonnement={free.pk}&abonnement={role.pk}"))
    assert "Supprimer 2 abonnements" in page and me.subscriptions.live().count() == 3
    answer = client.post(END, {"abonnement": ticked}, follow=True).text
    assert (
        "2 abonnements sont supprimés : Factures émises (consultation), " in answer
        and "donné avec votre rôle" in answer
    )
    assert [row.pk for row in me.subscriptions.live()] == [role.pk]
    assert "Désactivé" in client.get(f"{LIST}?vue=passes").text
    assert "Cochez au moins un abonnement" in client.post(END, follow=True).text


def test_a_request_given_back_is_called_a_request(client, me, structure):
    asked = SubscriptionFactory(user=me, structure=structure, space=space(), status="pending", reference="100000009")
    assert "elle est retirée pour cet accès" in text(client.get(f"{END}?abonnement={asked.pk}"))
    assert "La demande est retirée : Engagements (consultation)." in text(
        client.post(END, {"abonnement": asked.pk}, follow=True)
    )


def test_pages_take_as_many_queries_for_two_structures_as_for_twelve(client, django_assert_max_num_queries):
    counted = []
    for number in (2, 12):
        user = UserFactory()
        client.force_login(user)
        for place in AttachmentFactory.create_batch(number, user=user):
            AttachmentFactory(structure=place.structure, role=Role.PRINCIPAL)
            for code in ("engagements", "mon-compte"):
                service = ServiceFactory(structure=place.structure)
                SubscriptionFactory(user=user, structure=place.structure, space=space(code), service=service)
        pages = ("/", LIST, f"{LIST}export.csv", "/espaces/engagements/", ADD, "/mon-compte/")
        counted.append([_count(django_assert_max_num_queries, client, page) for page in pages])
    assert counted[0] == counted[1]


def _count(limit, client, page):
    with limit(60) as captured:
        answer = client.get(page)
        assert answer.status_code == 200 and (not answer.streaming or b"".join(answer.streaming_content))
    return len(captured)


def test_the_list_is_searched_and_exported(client, me, structure):
    SubscriptionFactory(user=me, structure=structure, space=space(), comment="=1+1")
    SubscriptionFactory(user=me, structure=structure, space=space("mon-compte"))
    lines = b"".join(client.get(f"{LIST}export.csv?q=engag").streaming_content).decode()
    assert "Engagements" in lines and "Mon compte" not in lines and "'=1+1" in lines
    assert client.get(f"{LIST}export.xlsx").status_code == 200
    assert "Aucun abonnement ne correspond" in client.get(f"{LIST}?q=rien").text
    assert "Engagements" in client.get(f"{LIST}?q=tilleuls").text


def test_support_keeps_the_catalogue(client):
    client.force_login(UserFactory(staff=True))
    url = f"/admin/spaces/space/{space().pk}/change/"
    values = {name: getattr(space(), name) for name in Space.EDITABLE} | {"simple": "never", "label": "Marchés"}
    values = {name: value for name, value in values.items() if value is not False}
    assert client.post(url, values).status_code == 302
    assert (space().label, space().simple) == ("Marchés", "never")
    assert "Marchés" in client.get("/admin/spaces/space/").text
    new = values | {"code": "nouveau", "label": "Nouveau"}
    assert client.post("/admin/spaces/space/add/", new).status_code == 302
    assert Space.objects.get(code="nouveau").route == ""


def test_what_is_granted_for_later_is_not_lacking(client, me, structure):
    day = timezone.localdate() + timedelta(days=5)
    SubscriptionFactory(user=me, structure=structure, space=opened(structure), starts_on=day)
    for page in ("/", "/espaces/engagements/"):
        shown = text(client.get(page))
        assert f"à partir du {date_format(day, 'j F Y')}" in shown and "À venir" in shown
    home = client.get("/")
    assert "engagements" not in {missing.space.code for missing in home.context["own_spaces"].missing}
    assert "peut vous l'accorder" not in text(client.get("/espaces/engagements/"))


def test_a_spaces_page_says_which_access_one_has_and_why_one_was_refused(client, me, structure):
    intendance = ServiceFactory(structure=structure, label="Intendance")
    terms = {"user": me, "structure": structure, "space": opened(structure)}
    SubscriptionFactory(**terms, status="refused", reason="Voyez <Paul>", decided_at=timezone.now())
    assert "Refusé le" in text(client.get("/espaces/engagements/"))
    assert "Voyez &lt;Paul&gt;" in client.get("/espaces/engagements/").text
    SubscriptionFactory(**terms)
    SubscriptionFactory(**terms, service=intendance, access="modification")
    page = text(client.get("/espaces/engagements/"))
    assert "Consultation" in page and "Intendance : modification" in page and "Refusé le" not in page


def test_a_principal_confirms_before_opening_for_themselves(client, structure):
    principal = structure.attachments.get().user
    client.force_login(principal)
    answer = client.post("/espaces/engagements/demander/", {"structure": structure.pk}, follow=True)
    assert answer.redirect_chain[-1][0] == step(structure, space()) and not principal.subscriptions.exists()
    assert f"/structures/{structure.pk}/espaces/engagements/ouvrir/" in answer.text
    assert "Ouvrir l'espace et m'y abonner" in text(answer)
    assert f'href="{step(structure, space()).replace("&", "&amp;")}"' in client.get("/").text


def test_deleting_says_what_it_takes_to_have_it_again(client, me, structure):
    free = SubscriptionFactory(user=me, structure=structure, space=space("factures-emises"))
    page = f"{END}?abonnement={free.pk}"
    assert "demander de nouveau" not in text(client.get(page)) and "sans validation" in text(client.get(page))
    client.post(END, {"abonnement": free.pk})
    assert "déjà supprimé" in text(client.get(page, follow=True))
    listed = text(client.get(f"{LIST}?vue=passes"))
    assert f"Le {date_format(timezone.localdate(), 'j F Y')}" in listed
    asked = SubscriptionFactory(user=me, structure=structure, space=opened(structure))
    assert "demander de nouveau" in text(client.get(f"{END}?abonnement={asked.pk}"))


def test_what_is_not_for_a_role_is_not_offered_and_says_who_gives_the_role(client, me, structure):
    desk = space("activites-du-gestionnaire")
    assert f'<option value="{desk.pk}"' not in client.get(ADD).text
    assert f'<option value="{space().pk}"' in client.get(ADD).text
    assert "Claire Fontaine" in text(client.get(step(structure, desk)))
