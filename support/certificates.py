"""The certificate by which a structure says who manages it from now on: one A4 page, to print and sign."""

import unicodedata
from importlib.resources import as_file, files

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from attachments.deciders import managers_of
from directory.identifiers import spaced_identifier
from plumbing.typography import french_text
from support.models import ANSWERS

TITLE = "Attestation de changement de gestionnaire principal"
# The site's own typeface, for its Latin, Greek and Cyrillic letters; the package holds nothing but its files.
FONT, FONT_FILES = "source", "font_source_sans_pro"
_BLOCKS = (
    ("La structure", ("siret", "legal_name")),
    ("Gestionnaire principal actuel", ("principal_name", "principal_login")),
    ("Nouveau gestionnaire principal", ("target_name", "target_login")),
)
LEFT, WIDTH, LABEL = 22, 166, 52


def certificate_pdf(ticket):
    """The page as bytes: always the same for the same ticket, whose date it bears."""
    page = _Page(ticket)
    page.heading()
    for title, names in _BLOCKS:
        page.block(title, [(_label(name), _said(ticket, name)) for name in names])
    page.statement()
    page.place_to_sign()
    return bytes(page.output())


def _label(name):
    return {"principal_name": "Nom", "target_name": "Nom"}.get(name, ANSWERS[name].split(" du ")[0])


def _said(ticket, name):
    """What the ticket says; of who manages today, what the portal knows."""
    principal = managers_of(ticket.structure).confirmed_principal if name.startswith("principal") else None
    if principal:
        return str(principal) if name == "principal_name" else principal.email
    said = ticket.answers.get(name, "")
    return spaced_identifier("siret", said) if name == "siret" else said


class _Page(FPDF):
    def __init__(self, ticket):
        super().__init__(format="A4")
        self.ticket, self.day = ticket, timezone.localtime(ticket.sent_at)
        self.set_creation_date(ticket.sent_at)
        self.set_title(f"{TITLE} – {ticket.spaced_reference}")
        self.set_lang("fr-FR")
        self.set_margins(LEFT, 20)
        self.c_margin = 0
        for style, name in (("", "Regular"), ("B", "Semibold")):
            with as_file(files(FONT_FILES) / "files" / f"SourceSansPro-{name}.ttf") as path:
                self.add_font(FONT, style, path)
        self.set_auto_page_break(False)
        self.add_page()

    def _say(self, sentence, **shape):
        self._write(french_text(sentence), **shape)

    def _write(self, text, *, size=11, bold=False, width=WIDTH, line=6, grey=False):
        self.set_font(FONT, "B" if bold else "", size)
        self.set_text_color(90 if grey else 0)
        self.multi_cell(width, line, self._in_its_letters(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _in_its_letters(self, text):
        """`text` composed, without what the typeface lacks of it: a letter loses its accent, or is « ? »."""
        known = self.current_font.cmap
        composed = unicodedata.normalize("NFC", str(text))
        return "".join(
            next((one for one in (letter, *unicodedata.normalize("NFKD", letter)) if ord(one) in known), "?")
            for letter in composed
        )

    def heading(self):
        self._write(settings.PORTAL_NAME, size=10, grey=True)
        self.ln(3)
        self._write(TITLE, size=17, bold=True, line=8)
        self._say(f"Dossier n° {self.ticket.spaced_reference}, ouvert le {date_format(self.day, 'j F Y')}", grey=True)
        self.ln(4)

    def block(self, title, facts):
        self.ln(2)
        self._write(title, size=12, bold=True)
        self.set_draw_color(150)
        self.line(LEFT, self.get_y() + 0.5, LEFT + WIDTH, self.get_y() + 0.5)
        self.ln(2)
        for label, value in facts:
            top = self.get_y()
            self._write(label, width=LABEL, grey=True)
            below = self.get_y()
            self.set_xy(LEFT + LABEL, top)
            # Nothing known: a line to write on.
            self._write(value or " ", width=WIDTH - LABEL)
            self.set_y(max(below, self.get_y()))
            if not value:
                self.line(LEFT + LABEL, self.get_y() - 0.8, LEFT + WIDTH, self.get_y() - 0.8)

    def statement(self):
        self.ln(5)
        self._say(
            "Je soussigné(e), représentant(e) légal(e) de la structure désignée ci-dessus, atteste que le nouveau "
            "gestionnaire principal la représente sur le portail, et demande à l'assistance de lui donner ce rôle "
            "à la place du gestionnaire actuel."
        )
        self.ln(2)
        self._say(
            "Je sais que le gestionnaire actuel en est averti et peut s'y opposer, et qu'une fausse attestation est "
            "punie par la loi (article 441-7 du code pénal)."
        )

    def place_to_sign(self):
        self.ln(6)
        for label in ("Nom et prénom", "Fonction", "Fait à", "Le"):
            self._say(f"{label} :", width=LABEL)
            self.line(LEFT + LABEL, self.get_y() - 0.8, LEFT + WIDTH, self.get_y() - 0.8)
            self.ln(2.5)
        self._say("Signature et cachet de la structure :")
        self.rect(LEFT, self.get_y() + 1, WIDTH, 38)
        self.set_y(-16)
        self._say("Page à déposer, signée, dans la sollicitation du même numéro sur le portail.", size=9, grey=True)
