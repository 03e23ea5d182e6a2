"""The role of principal manager passes on, in a real browser: several to one, one each, before leaving, on a day."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from attachments.actions import carry_out_due
from attachments.models import Attachment, Role
from tests.factories import AttachmentFactory, StructureFactory, UserFactory
from tests.walks.steps import PASSWORD, log_in, nothing_overflows

pytestmark = pytest.mark.django_db(transaction=True)


def account(last_name, **fields):
    user = UserFactory(first_name="Anne", last_name=last_name, email=f"{last_name.lower()}@exemple.example", **fields)
    user.set_password(PASSWORD)
    user.save()
    return user


def principal_of(structure):
    return Attachment.objects.current().principal().get(structure=structure).user


def look(page, axe):
    axe(page)
    nothing_overflows(page, 390)
    page.set_viewport_size({"width": 1280, "height": 900})


def choose(page, words, name):
    page.get_by_label("Nom, adresse postale ou adresse de connexion").fill(words)
    page.get_by_role("button", name="Rechercher").click()
    page.get_by_role("button", name=f"Choisir {name}").click()


def test_a_principal_manager_hands_over_and_leaves(site, person, axe, time_machine):
    going, taking, other = account("Sortant"), account("Entrant"), account("Autre")
    names = ("Collège A", "Collège B", "Collège C", "Lycée D", "Lycée E")
    first, second, third, fourth, fifth = [StructureFactory(legal_name=name) for name in names]
    for structure in (first, second, third, fourth, fifth):
        AttachmentFactory(user=going, structure=structure, role=Role.PRINCIPAL)
    AttachmentFactory(user=other, structure=fourth)
    page = person()
    log_in(page, site, going.email)

    # Three to one successor, on the way out; then one leaves them.
    page.goto(f"{site}/mes-rattachements/")
    for structure in (first, second, third):
        page.get_by_label(f"Cocher {structure}").check()
    page.get_by_role("button", name="Supprimer mes rattachements").click()
    look(page, axe)
    page.get_by_role("link", name="Choisir la même personne pour toutes").click()
    look(page, axe)
    choose(page, taking.email, taking)
    page.get_by_role("button", name="Continuer").click()
    for structure in (first, second, third):
        expect(page.get_by_role("heading", name=str(structure), exact=True)).to_be_visible()
    expect(page.get_by_text("Vous y restez utilisateur simple").first).to_be_visible()
    look(page, axe)
    page.get_by_role("button", name="Transmettre").click()
    expect(page.get_by_text("La transmission est faite.")).to_be_visible()
    look(page, axe)
    assert principal_of(first) == principal_of(third) == taking

    # Contested for one of them.
    page.get_by_label(str(first)).uncheck()
    page.get_by_label(str(second)).uncheck()
    page.get_by_role("button", name="Défaire la transmission").click()
    expect(page.get_by_text("Vous redevenez gestionnaire principal")).to_be_visible()
    look(page, axe)
    page.get_by_role("button", name="Défaire la transmission").click()
    expect(page.get_by_text(f"{going} en est de nouveau gestionnaire principal")).to_be_visible()
    assert (principal_of(first), principal_of(third)) == (taking, going)

    # The rest before deactivating the account: one each, the last one on a day to come.
    page.goto(f"{site}/mon-compte/desactiver/")
    page.get_by_role("link", name="Désigner un nouveau gestionnaire principal").click()
    page.get_by_role("link", name="Choisir la même personne pour toutes").click()
    choose(page, taking.email, taking)
    page.get_by_role("link", name=f"Changer le successeur pour {fourth}").click()
    page.get_by_role("button", name=f"Choisir {other}").click()
    expect(page.get_by_role("row", name=f"{fourth}")).to_contain_text(str(other))
    page.get_by_label("À partir du").fill("2020-01-01")
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_role("alert")).to_contain_text("Choisissez un jour à venir")
    look(page, axe)
    day = timezone.localdate() + timedelta(days=40)
    page.get_by_label("À partir du").fill(day.isoformat())
    page.get_by_role("button", name="Continuer").click()
    look(page, axe)
    page.get_by_role("button", name="Prévoir la transmission").click()
    expect(page.get_by_text("La transmission est prévue.")).to_be_visible()
    look(page, axe)
    for address in ("/", "/mes-rattachements/", f"/structures/{fifth.pk}/"):
        page.goto(f"{site}{address}")
        expect(
            page.get_by_role("link", name="transmission").or_(page.get_by_text("Voir ou annuler")).first
        ).to_be_visible()
        look(page, axe)
    time_machine.move_to(timezone.now() + timedelta(days=40))
    assert carry_out_due() == 3
    assert (principal_of(fourth), principal_of(fifth)) == (other, taking)
    log_in(page, site, going.email)
    page.goto(f"{site}/mon-compte/desactiver/")
    expect(page.get_by_role("button", name="Désactiver mon compte")).to_be_visible()
