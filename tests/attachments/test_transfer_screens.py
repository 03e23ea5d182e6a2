from datetime import timedelta

import pytest
from django.utils import timezone

from attachments.actions import plan_handovers, transfer_principal
from attachments.models import Attachment, Handover, Role
from tests.factories import AttachmentFactory, StructureFactory, UserFactory
from tests.test_queries import queries

pytestmark = pytest.mark.django_db
PAGE = "/mes-rattachements/succession/"
CHOICE, CONFIRM = f"{PAGE}choix/", f"{PAGE}confirmation/"


@pytest.fixture
def me(client):
    user = UserFactory(last_name="Sortant")
    client.force_login(user)
    return user


@pytest.fixture
def successor():
    return UserFactory(last_name="Entrant", email="entrant@exemple.example")


def managed(user, count):
    return [AttachmentFactory(user=user, role=Role.PRINCIPAL).structure for _ in range(count)]


def find(client, words="", **query):
    """The addresses that choosing each person found leads to."""
    answer = client.get(CHOICE, query | {"q": words})
    return {str(person): f"{PAGE}?{person.take}" for person in answer.context["found"]}


def confirmed(address):
    return address.replace(PAGE, CONFIRM)


def test_fifty_structures_to_one_person_but_one(client, me, successor):
    structures = managed(me, 50)
    colleague = AttachmentFactory(structure=structures[0]).user
    assert list(find(client)) == [str(colleague)]
    chosen = find(client, "ENTRANT@exemple.example")[str(successor)]
    page = client.get(chosen)
    assert page.context["meant"].is_complete
    other = next(row.choose for row in page.context["meant"].rows if row == structures[0])
    chosen = find(client, **dict(pair.split("=") for pair in other.split("&")))[str(colleague)]
    recap = client.get(confirmed(chosen))
    assert all(structure.legal_name in recap.text for structure in structures)
    answer = client.post(confirmed(chosen) + "&suite=compte", follow=True)
    assert "La transmission est faite" in answer.text
    assert "/compte/desactivation/" in answer.text or "Désactiver mon compte" in answer.text
    principals = dict(Attachment.objects.current().principal().values_list("structure", "user"))
    assert principals.pop(structures[0].pk) == colleague.pk
    assert set(principals.values()) == {successor.pk}
    # Kept where it was, no more and no less: an address that fits what web servers take.
    assert len(confirmed(chosen)) < 4_000


def test_what_is_refused_leaves_everything_as_it_was_chosen(client, me, successor):
    structures = managed(me, 2)
    chosen = find(client, successor.email)[str(successor)]
    successor.state = "disabled"
    successor.save()
    answer = client.post(confirmed(chosen), follow=True)
    assert "n’est pas actif" in answer.text or "n'est pas actif" in answer.text
    assert answer.context["meant"].is_complete
    assert set(me.attachments.current().principal().values_list("structure", flat=True)) == {s.pk for s in structures}


@pytest.mark.parametrize("day", ["hier", "2020-01-01", "2999-01-01"])
def test_a_day_that_is_none_is_said_beside_it(client, me, successor, day):
    managed(me, 1)
    answer = client.post(f"{confirmed(find(client, successor.email)[str(successor)])}&date={day}")
    assert answer.status_code == 422
    assert str(successor) in answer.text
    assert answer.context["form"].has_error("date")
    assert not Handover.objects.exists()


def test_nobody_is_named_by_a_forged_address(client, me, successor):
    (structure,) = managed(me, 1)
    own = find(client, successor.email)[str(successor)].partition("successeur=")[2]
    stranger = UserFactory(last_name="Inconnu")
    for forged in (f"{stranger.pk}", f"{stranger.pk}-{own.partition('-')[2]}", "abc", "9" * 30, "-"):
        assert "Inconnu" not in client.get(PAGE, {"successeur": forged, "structures": structure.pk}).text
        assert client.post(f"{CONFIRM}?successeur={forged}").status_code == 302
    # Part of a name, or of an address, finds nobody whom they do not know; nor does an account that cannot take over.
    UserFactory(email="arrivant@exemple.example", activating=True)
    for words in ("Inconnu", stranger.email[:-1], "arrivant@exemple.example", me.email):
        assert find(client, words) == {}
        assert f"/structures/{structure.pk}/personnes/nouveau/" in client.get(CHOICE, {"q": words}).text
    # A structure that is not theirs is left out.
    other = managed(stranger, 1)[0]
    assert other.legal_name not in client.get(PAGE, {"structures": f"{structure.pk}.{other.pk}"}).text


def test_addresses_cannot_be_tried_without_end(client, me, settings):
    settings.ATTACH_RATE = "2/h"
    managed(me, 1)
    for _ in range(2):
        find(client, "personne@exemple.example")
    assert "beaucoup d" in client.get(CHOICE, {"q": "personne@exemple.example"}).text


def test_a_secondary_manager_is_told_who_can(client, me):
    place = AttachmentFactory(user=me, role=Role.SECONDARY)
    principal = AttachmentFactory(structure=place.structure, role=Role.PRINCIPAL).user
    answer = client.get(PAGE, {"structures": place.structure_id})
    assert f"{place.structure} : {principal}" in answer.text
    assert client.get(CHOICE, {"structures": place.structure_id}).status_code == 302


def test_support_hands_over_for_somebody(client, successor):
    staff = UserFactory(staff=True)
    client.force_login(staff)
    structure = managed(UserFactory(), 1)[0]
    assert f"structures={structure.pk}" in client.get(f"/structures/{structure.pk}/").text
    chosen = find(client, "Entrant", structures=structure.pk)[str(successor)]
    assert client.post(confirmed(chosen)).status_code == 302
    assert structure.attachments.current().principal().get().user == successor


def test_both_see_what_is_planned_and_either_cancels(client, me, successor):
    structure = managed(me, 1)[0]
    chosen = find(client, successor.email)[str(successor)]
    day = timezone.localdate() + timedelta(days=30)
    answer = client.post(f"{confirmed(chosen)}&date={day}", follow=True)
    assert "La transmission est prévue" in answer.text
    row = Handover.objects.get()
    link = f"/transmissions/{row.reference}/"
    assert link in client.get("/mon-compte/desactiver/").text
    for reader in (me, successor):
        client.force_login(reader)
        for page in ("/", "/mes-rattachements/", "/activites/", f"/structures/{structure.pk}/"):
            assert link in client.get(page).text, (reader, page)
    client.force_login(UserFactory())
    assert client.post(f"{link}annulation/", {"transmission": row.pk}).status_code == 404
    client.force_login(successor)
    assert f"{me} le reste" in client.get(f"{link}annulation/", {"transmission": row.pk}).text
    assert Handover.objects.get().is_pending
    answer = client.post(f"{link}annulation/", {"transmission": row.pk}, follow=True)
    assert "est annulée" in answer.text
    assert Handover.objects.get().status == "cancelled"
    # A second tab.
    assert "plus prévue" in client.post(f"{link}annulation/", {"transmission": row.pk}, follow=True).text
    assert link not in client.get("/").text


def test_whoever_handed_over_contests_from_the_structure(client, me, successor):
    structure = managed(me, 1)[0]
    rows = transfer_principal({structure.pk: successor.pk}, actor=me)
    link = f"/transmissions/{rows[0].reference}/"
    assert link in client.get(f"/structures/{structure.pk}/").text
    assert "Défaire la transmission" in client.get(link).text
    client.force_login(successor)
    assert "Défaire la transmission" not in client.get(link).text
    assert (
        "Vous ne contestez pas" in client.post(f"{link}contestation/", {"transmission": rows[0].pk}, follow=True).text
    )
    undoing = {"path": f"{link}contestation/", "data": {"transmission": rows[0].pk}, "follow": True}
    assert "Vous ne contestez pas" in client.post(**undoing).text
    client.force_login(me)
    assert "Cochez au moins une structure" in client.post(f"{link}contestation/", follow=True).text
    asked = client.get(f"{link}contestation/", undoing["data"])
    assert "Vous redevenez" in asked.text
    assert "son rattachement prend fin" in asked.text
    assert structure.attachments.current().principal().get().user == successor
    assert f"est défaite : {me} en est de nouveau" in client.post(**undoing).text
    assert structure.attachments.current().principal().get().user == me


def test_whoever_support_replaced_is_told_so_and_whom_to_ask(client, me, successor):
    structure = managed(me, 1)[0]
    (row,) = transfer_principal({structure.pk: successor.pk}, actor=UserFactory(staff=True), cause="claim")
    link = f"/transmissions/{row.reference}/"
    home = client.get("/").text
    assert "Vous avez transmis" not in home
    assert f"a désigné {successor} à votre place" in " ".join(home.split())
    page = client.get(link).text
    assert "Défaire la transmission" not in page
    assert f"/sollicitations/saisir/general/?structure={structure.pk}" in page
    assert client.get(f"{link}contestation/", {"transmission": row.pk}).url == link
    refused = client.post(f"{link}contestation/", {"transmission": row.pk}, follow=True)
    assert "elle seule peut la défaire" in refused.text
    client.force_login(successor)
    home = client.get("/").text
    assert f"{me} vous a transmis" not in home
    assert "vous a désigné gestionnaire principal" in " ".join(home.split())


def test_on_the_way_out_the_deletion_is_said_to_come_after(client, me, successor):
    structure = managed(me, 1)[0]
    chosen = find(client, successor.email, structures=structure.pk, suite="depart")[str(successor)]
    assert "Ensuite, vous supprimez vos rattachements" in client.get(chosen).text
    assert "à l’étape suivante" in " ".join(client.get(confirmed(chosen)).text.split()).replace("'", "’")


def test_what_mails_others_counts_against_a_rate(client, me, successor, settings):
    settings.ATTACH_RATE = "3/h"
    structure = managed(me, 1)[0]
    chosen = confirmed(find(client, successor.email)[str(successor)])
    day = timezone.localdate() + timedelta(days=30)
    client.post(f"{chosen}&date={day}")
    row = Handover.objects.get()
    link = f"/transmissions/{row.reference}/"
    client.post(f"{link}annulation/", {"transmission": row.pk})
    client.post(chosen)
    done = Handover.objects.get(status="done")
    client.post(f"/transmissions/{done.reference}/contestation/", {"transmission": done.pk})
    assert structure.attachments.current().principal().get().user == successor
    undone = client.post(f"/transmissions/{done.reference}/contestation/", {"transmission": done.pk}, follow=True)
    assert "beaucoup de changements" in undone.text
    # Who is named is not the one who counts: they cancel what others plan.
    Handover.objects.filter(pk=row.pk).update(status="pending", ended_at=None)
    assert "beaucoup de changements" in client.post(f"{link}annulation/", {"transmission": row.pk}, follow=True).text
    client.force_login(successor)
    client.post(f"{link}annulation/", {"transmission": row.pk})
    assert Handover.objects.get(pk=row.pk).status == "cancelled"


def test_lists_ask_no_more_of_many(client, me, successor):
    def plan(count):
        tomorrow = timezone.localdate() + timedelta(days=1)
        chosen = {structure.pk: successor.pk for structure in managed(me, count)}
        return plan_handovers(chosen, actor=me, takes_effect_on=tomorrow)[0].reference

    few, many = plan(2), plan(20)
    client.get("/")
    assert queries(client, f"/transmissions/{few}/") == queries(client, f"/transmissions/{many}/")
    before = queries(client, PAGE)
    plan(20)
    assert queries(client, PAGE) == before


def test_nothing_to_hand_over(client, me):
    StructureFactory()
    for address in (PAGE, f"{PAGE}?structures=0", f"{PAGE}?structures=x&s1=y&pour=z"):
        assert "Rien ne vous retient" in client.get(address).text


def test_a_page_gone_stale_never_proposes_another_structure(client, me, successor):
    """« Retour » after « Transmettre », or a second tab: what was ticked is no longer theirs."""
    done, left = managed(me, 2)
    chosen = find(client, successor.email, structures=done.pk)[str(successor)]
    assert client.post(confirmed(chosen)).status_code == 302
    row = Handover.objects.get()
    choosing = f"{CHOICE}?{chosen.partition('?')[2]}"
    for answer in (
        client.get(chosen),
        client.get(confirmed(chosen), follow=True),
        client.post(confirmed(chosen), follow=True),
        client.get(choosing, follow=True),
    ):
        assert f"/transmissions/{row.reference}/" in answer.text
        assert "déjà fait" in answer.text
        assert "Choisissez d" not in answer.text
        assert left.legal_name not in answer.text
    # Half of it is: said, and nothing passes before they read again what is left.
    stale = chosen.replace(f"structures={done.pk}", f"structures={done.pk}.{left.pk}")
    answer = client.post(confirmed(stale), follow=True)
    assert f"/transmissions/{row.reference}/" in answer.text
    assert answer.context["meant"].rows == [left]
    assert left.attachments.current().principal().get().user == me
    # Which structures is always said before anything passes.
    assert client.post(f"{CONFIRM}?successeur={chosen.partition('successeur=')[2]}").status_code == 302
    assert left.attachments.current().principal().get().user == me
