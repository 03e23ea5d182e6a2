"""What a form of a ticket starts with: what is known, as far as this person may know it."""

from attachments.deciders import managers_of
from plumbing.references import LENGTH, spaced
from structures.models import Structure
from support.models import Category

BELONG, ATTACH = "structures.belong_to", "attachments.attach_people"


def filled_in(user, category, structure_id, reference=""):
    """The initial values of the form of `category`, for `user` coming from a structure's page, or an act's, maybe."""
    filled = {}
    if category == Category.GENERAL and reference.isdecimal() and len(reference) == LENGTH:
        filled["subject"] = f"Contestation du dossier n° {spaced(reference)}"
    if category == Category.MANAGER_GONE:
        filled |= {"target_name": str(user), "target_login": user.email}
    structure = _structure(structure_id)
    if structure is None:
        return filled
    filled |= {"structure": structure.pk, "siret": structure.identifier}
    if user.has_perm("structures.view_structure", structure):
        filled["legal_name"] = structure.legal_name
    principal = managers_of(structure).confirmed_principal
    if category == Category.MANAGER_GONE and principal:
        # Colleagues know who manages; addresses are what those who attach people see.
        if user.has_perm(BELONG, structure):
            filled["principal_name"] = str(principal)
        if user.has_perm(ATTACH, structure):
            filled["principal_login"] = principal.email
    return filled


def _structure(structure_id):
    if not (structure_id.isdecimal() and len(structure_id) < 19):
        return None
    return Structure.objects.filter(pk=structure_id, identifier_type="siret").first()
