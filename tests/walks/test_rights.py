"""What a principal manager leaves to others, in a real browser: rights, a suppléance, more time."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from attachments.models import Deputy, Role
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory
from tests.walks.steps import PASSWORD, log_in, nothing_overflows

pytestmark = pytest.mark.django_db(transaction=True)


def account(structure, role, last_name, **fields):
    user = UserFactory(first_name="Anne", last_name=last_name)
    user.set_password(PASSWORD)
    user.save()
    return AttachmentFactory(user=user, structure=structure, role=role, **fields)


def test_rights_a_suppleance_and_more_time(site, person, axe):
    structure, soon = StructureFactory(legal_name="Lycée Simone Veil"), timezone.localdate() + timedelta(days=9)
    AttachmentRequestFactory(structure=structure)
    principal = account(structure, Role.PRINCIPAL, "Premier")
    secondary = account(structure, Role.SECONDARY, "Second")
    simple = account(structure, Role.SIMPLE, "Tiers", ends_on=soon)
    boss, other = person(), person()
    log_in(other, site, secondary.user.email)
    expect(other.get_by_role("link", name="1 en attente").first).to_be_visible()

    # Withdrawn from all, gone at the next click.
    log_in(boss, site, principal.user.email)
    boss.goto(f"{site}/structures/{structure.pk}/")
    boss.get_by_role("link", name="Droits des gestionnaires secondaires").click()
    axe(boss)
    nothing_overflows(boss, 390)
    boss.set_viewport_size({"width": 1280, "height": 900})
    boss.get_by_label("Décider des demandes de rattachement").uncheck()
    boss.get_by_role("button", name="Enregistrer").click()
    expect(boss.get_by_text("Droits enregistrés")).to_be_visible()
    other.reload()
    expect(other.get_by_role("link", name="1 en attente")).to_have_count(0)
    # Given back to one.
    boss.get_by_role("link", name="Régler").click()
    axe(boss)
    boss.get_by_label("Décider des demandes de rattachement").select_option("Oui")
    boss.get_by_role("button", name="Enregistrer").click()
    other.reload()
    expect(other.get_by_role("link", name="1 en attente").first).to_be_visible()

    # A deputy.
    boss.goto(f"{site}/structures/{structure.pk}/suppleance/")
    axe(boss)
    boss.get_by_label("Suppléant").select_option("Anne Second, gestionnaire secondaire")
    boss.get_by_role("button", name="Désigner").click()
    expect(boss.get_by_role("alert")).to_contain_text("Choisissez le dernier jour.")
    axe(boss)
    boss.get_by_label("Dernier jour").fill(soon.isoformat())
    boss.get_by_role("button", name="Désigner").click()
    expect(boss.get_by_text("La suppléance est confiée à Anne Second.")).to_be_visible()
    axe(boss)
    other.reload()
    expect(other.get_by_text("Vous suppléez le gestionnaire principal")).to_be_visible()
    axe(other)

    # The deputy extends, in two clicks from home.
    other.get_by_role("link", name="Prolonger le rattachement d’Anne Tiers").click()
    axe(other)
    other.get_by_role("button", name="Prolonger").click()
    expect(other.get_by_text("Le rattachement d’Anne Tiers dure désormais jusqu’au")).to_be_visible()
    simple.refresh_from_db()
    assert simple.ends_on.year == soon.year + 1
    boss.get_by_role("link", name="Mettre fin à la suppléance").click()
    axe(boss)
    boss.get_by_role("button", name="Mettre fin à la suppléance").click()
    expect(boss.get_by_text("La suppléance est terminée.")).to_be_visible()
    assert Deputy.objects.get().ended_at
