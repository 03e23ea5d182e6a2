from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from attachments.actions import plan_handovers, transfer_principal
from attachments.models import Attachment, Handover, Role
from attachments.successions import KEPT, seal
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


def begin(client, **link):
    """The address of the first page, once a link led there."""
    return client.get(PAGE, link).url


def choosing(address, words="", **query):
    return f"{address.replace(PAGE, CHOICE)}&{urlencode({'q': words} | query)}"


def found(client, words="", at="", **query):
    return client.get(choosing(at or begin(client), words, **query)).context["found"]


def choose(client, person, at="", words="", **query):
    """« Choisir » of somebody found, by their login address: the address of the first page again."""
    page = choosing(at or begin(client), words or person.email, **query)
    (seal,) = [one.seal for one in client.get(page).context["found"] if one == person]
    return client.post(page, {"successeur": seal}).url.partition("#")[0]


def confirm(client, at, day="", **options):
    """The page that names everything, then its button."""
    page = confirmed(f"{at}&date={day}")
    return client.post(page, {"vu": client.get(page).context["meant"].seen}, **options)


def confirmed(address):
    return address.replace(PAGE, CONFIRM)


def test_six_hundred_structures_to_one_person_but_a_hundred(client, me, successor):
    structures = StructureFactory.create_batch(600)
    lead = {"user": me, "role": Role.PRINCIPAL, "whole_structure": True, "starts_on": timezone.localdate()}
    Attachment.objects.bulk_create([Attachment(structure=structure, **lead) for structure in structures])
    others = UserFactory.create_batch(100)
    at = choose(client, successor, begin(client, suite="compte"))
    session = client.session
    (kept,) = session[KEPT].values()
    kept["each"] = {structure.pk: other.pk for structure, other in zip(structures, others[1:], strict=False)}
    session.save()
    page = choosing(at, pour=structures[99].pk)
    assert client.post(page, {"successeur": seal(me, others[0])}).url == f"{at}#s{structures[99].pk}"
    # What web servers take.
    assert len(page) < 200
    assert len(client.get(at).content) < 1_000_000
    recap = client.get(confirmed(at))
    taken = {structure.pk: other.pk for structure, other in zip(structures, [*others[1:], others[0]], strict=False)}
    everybody = dict.fromkeys([structure.pk for structure in structures], successor.pk) | taken
    assert recap.context["meant"].successors == everybody
    text = recap.text
    assert all(structure.legal_name in text for structure in structures)


def test_several_to_one_person_but_one_before_going(client, me, successor):
    first, second, third = managed(me, 3)
    colleague = AttachmentFactory(structure=first).user
    at = begin(client, suite="depart")
    assert found(client, at=at) == [colleague]
    choose(client, successor, at)
    choose(client, colleague, at, pour=first.pk)
    assert client.get(at).context["meant"].is_complete
    answer = confirm(client, at, follow=True)
    assert "La transmission est faite" in answer.text
    principals = dict(Attachment.objects.current().principal().values_list("structure", "user"))
    assert principals == {first.pk: colleague.pk, second.pk: successor.pk, third.pk: successor.pk}
    # Which ones they leave then, the act says: there may be hundreds.
    reference = Handover.objects.first().reference
    leaving = answer.context["next_url"]
    assert leaving.endswith(f"?transmission={reference}")
    assert {row.structure for row in client.get(leaving).context["leaving"]} == {first, second, third}
    # The last of the three steps is shown on both pages.
    for page in (answer, client.get(leaving)):
        assert 'aria-current="step"' in page.text.split("Suppression")[0].rsplit("Confirmation", 1)[1]
    client.force_login(colleague)
    assert "Cochez au moins un rattachement" in client.get(leaving, follow=True).text
    client.force_login(me)
    followed = client.get(f"/transmissions/{reference}/?suite=compte")
    assert "Désactiver mon compte" in followed.text


def test_two_tabs_choose_each_for_itself(client, me, successor):
    first, second = managed(me, 2)
    other = AttachmentFactory(structure=second).user
    one, two = begin(client, structures=first.pk), begin(client, structures=f"{first.pk}.{second.pk}")
    choose(client, successor, one)
    choose(client, other, two)
    for address, rows in ((one, {first: successor}), (two, {first: other, second: other})):
        # Reloaded, or come back to.
        for _time in range(2):
            assert {row: row.successor for row in client.get(address).context["meant"].rows} == rows
    # The same choice in two tabs: what is confirmed is what was read.
    read = client.get(confirmed(two)).context["meant"].seen
    choose(client, successor, two, pour=first.pk)
    answer = client.post(confirmed(two), {"vu": read}, follow=True)
    assert "vient de changer dans un autre onglet" in answer.text
    assert not Handover.objects.exists()
    assert confirm(client, two).status_code == 302
    assert first.attachments.current().principal().get().user == successor
    # Those left aside longest are forgotten, and it is said; so are all with the session.
    for _more in range(10):
        begin(client)
    for page in (two, confirmed(two), choosing(two)):
        assert "est plus gardé" in client.get(page, follow=True).text
    assert client.post(confirmed(two), {"vu": read}).url == "/mes-rattachements/"


def test_what_is_refused_leaves_everything_as_it_was_chosen(client, me, successor):
    structures = managed(me, 2)
    chosen = choose(client, successor)
    successor.state = "disabled"
    successor.save()
    answer = confirm(client, chosen, follow=True)
    assert "est pas actif" in answer.text
    assert answer.context["meant"].is_complete
    assert set(me.attachments.current().principal().values_list("structure", flat=True)) == {s.pk for s in structures}


@pytest.mark.parametrize("day", ["hier", "2020-01-01", "2999-01-01"])
def test_a_day_that_is_none_is_said_beside_it(client, me, successor, day):
    managed(me, 1)
    answer = client.post(f"{confirmed(choose(client, successor))}&date={day}")
    assert answer.status_code == 422
    assert str(successor) in answer.text
    assert answer.context["form"].has_error("date")
    assert not Handover.objects.exists()


def test_nobody_is_named_by_a_forged_seal(client, me, successor):
    (structure,) = managed(me, 1)
    stranger = UserFactory(last_name="Inconnu")
    own, others = seal(me, successor), seal(successor, stranger)
    for forged in (f"{stranger.pk}", f"{stranger.pk}-{own.partition('-')[2]}", others, "abc", "9" * 30, "-", "é"):
        assert "Inconnu" not in client.get(PAGE, {"successeur": forged, "structures": structure.pk}, follow=True).text
        at = begin(client)
        assert client.post(choosing(at), {"successeur": forged}).status_code == 200
        assert not client.get(at).context["meant"].is_complete
    assert client.get(PAGE, {"successeur": own}, follow=True).context["meant"].is_complete
    # Part of a name, or of an address, finds nobody whom they do not know; nor does an account that cannot take over.
    UserFactory(email="arrivant@exemple.example", activating=True)
    for words in ("Inconnu", stranger.email[:-1], "arrivant@exemple.example"):
        assert found(client, words) == []
        assert f"/structures/{structure.pk}/personnes/nouveau/" in client.get(choosing(at, words)).text
    assert found(client, me.email) == []
    assert "votre propre adresse" in client.get(choosing(at, me.email)).text
    # A structure that is not theirs is left out.
    other = managed(stranger, 1)[0]
    page = client.get(PAGE, {"structures": f"{structure.pk}.{other.pk}"}, follow=True)
    assert other.legal_name not in page.text


def test_somebody_is_found_by_name_postal_address_or_e_mail_where_one_sees_people(client, me):
    (structure,) = managed(me, 1)
    lives = {"address": "12 rue des Lilas", "complement_1": "Bât. Ouest", "postcode": "29200", "city": "Brest"}
    known = AttachmentFactory(structure=structure, user=UserFactory(last_name="Kervella", **lives)).user
    UserFactory(last_name="Lointain", **lives)
    for words in ("kervella", known.email[:6], "lilas", "LÎLAS brest", "29200", "bat kerv", "ouest 29"):
        assert found(client, words) == [known], words
    assert found(client, "lilas quimper") == []


def test_addresses_cannot_be_tried_without_end(client, me, settings):
    settings.ATTACH_RATE = "2/h"
    managed(me, 1)
    for _ in range(2):
        found(client, "personne@exemple.example")
    assert "beaucoup d" in client.get(choosing(begin(client), "personne@exemple.example")).text


def test_a_secondary_manager_is_told_who_can(client, me):
    place = AttachmentFactory(user=me, role=Role.SECONDARY)
    principal = AttachmentFactory(structure=place.structure, role=Role.PRINCIPAL).user
    at = begin(client, structures=place.structure_id)
    text = client.get(at).text
    assert f"{place.structure} : {principal}" in text
    assert f"/sollicitations/saisir/manager_gone/?structure={place.structure_id}" in text
    for page in (choosing(at), confirmed(at)):
        assert client.get(page).url == client.post(page).url == at


def test_support_hands_over_for_somebody(client, successor):
    staff = UserFactory(staff=True)
    client.force_login(staff)
    structure = managed(UserFactory(), 1)[0]
    assert f"structures={structure.pk}" in client.get(f"/structures/{structure.pk}/").text
    assert confirm(client, choose(client, successor, begin(client, structures=structure.pk))).status_code == 302
    assert structure.attachments.current().principal().get().user == successor


def test_both_see_what_is_planned_and_either_cancels(client, me, successor):
    structure = managed(me, 1)[0]
    day = timezone.localdate() + timedelta(days=30)
    answer = confirm(client, choose(client, successor), day, follow=True)
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
    undoing = {"path": f"{link}contestation/", "data": {"transmission": rows[0].pk}, "follow": True}
    assert "Vous ne contestez pas" in client.post(**undoing).text
    client.force_login(me)
    assert "Cochez au moins une structure" in client.post(f"{link}contestation/", follow=True).text
    # Ticked, then read again: posted too, for there may be hundreds.
    asked = client.post(f"{link}contestation/", undoing["data"] | {"relire": "1"})
    assert 'name="relire"' in client.get(link).text
    assert 'name="relire"' not in asked.text
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
    chosen = choose(client, successor, begin(client, structures=structure.pk, suite="depart"))
    assert "Ensuite, vous supprimez vos rattachements" in client.get(chosen).text
    assert "à l’étape suivante" in " ".join(client.get(confirmed(chosen)).text.split()).replace("'", "’")


def test_what_mails_others_counts_against_a_rate(client, me, successor, settings):
    settings.ATTACH_RATE = "3/h"
    structure = managed(me, 1)[0]
    chosen = choose(client, successor)
    confirm(client, chosen, timezone.localdate() + timedelta(days=30))
    row = Handover.objects.get()
    link = f"/transmissions/{row.reference}/"
    client.post(f"{link}annulation/", {"transmission": row.pk})
    confirm(client, chosen)
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
    before = queries(client, choose(client, successor))
    plan(20)
    assert queries(client, choose(client, successor)) == before


def test_nothing_to_hand_over(client, me):
    StructureFactory()
    for address in (PAGE, f"{PAGE}?structures=", f"{PAGE}?structures=x&suite=y&pour=z"):
        assert "Rien ne vous retient" in client.get(address, follow=True).text


def test_a_page_gone_stale_never_proposes_another_structure(client, me, successor):
    """« Retour » after « Transmettre », or a second tab: what was ticked is no longer theirs."""
    done, left = managed(me, 2)
    chosen = choose(client, successor, begin(client, structures=done.pk))
    both = choose(client, successor, begin(client, structures=f"{done.pk}.{left.pk}"))
    assert confirm(client, chosen).status_code == 302
    row = Handover.objects.get()
    for answer in (
        client.get(chosen),
        client.get(confirmed(chosen), follow=True),
        client.post(confirmed(chosen), follow=True),
        client.get(choosing(chosen), follow=True),
    ):
        assert f"/transmissions/{row.reference}/" in answer.text
        assert "déjà fait" in answer.text
        assert "Choisissez d" not in answer.text
        assert left.legal_name not in answer.text
    # Half of it is: said, and nothing passes before they read again what is left.
    answer = client.post(confirmed(both), follow=True)
    assert f"/transmissions/{row.reference}/" in answer.text
    assert answer.context["meant"].rows == [left]
    assert left.attachments.current().principal().get().user == me
