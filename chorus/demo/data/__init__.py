"""The demo's cast: who works where, who asks for what. `loader.py` plays it through the real actions.

Structures are in structures.csv. Public ones are real (name, SIRET and address are public facts,
from the Éducation nationale's open directory); private ones are invented, under SIREN numbers
beginning with 9999. Every person is invented, and so are the services.
"""

from typing import NamedTuple

from attachments.models import Role

PASSWORD = "bonjour-portail"
SECRET_ANSWER = "Médor"

CHAMPOULANT = "20003035100015"
CASSIN = "19350003000013"
CHARCOT = "19350896700018"
DUGUAY_TROUIN = "19350916300013"
ARTHAUD = "19352473300022"
MONNET = "19351053400012"
VEIL_CREVIN = "20004628200014"
VEIL_LIFFRE = "20009043900015"
PELLE = "19350009700012"
SEGALEN = "19352248900015"
ARGENTRE = "19350053500011"
CHATEAUBRIAND_LYCEE = "19352533400010"
CHATEAUBRIAND_COLLEGE = "19350707600019"
CIO_SAINT_MALO = "17350431700814"
RECIPON = "19352477400018"
BEAUSOLEIL = "21350051500035"
MENUISERIE = "99990011100017"
VASSEUR = "99990022800019"
PAPETERIE = "99990044200016"

USES_PIGP = CIO_SAINT_MALO
REFERENT = {
    "administration": "Académie de Rennes",
    "name": "Solenn Tanguy-Berthelot",
    "email": "facturation@academie.example",
}
INACTIVE = PAPETERIE


class Part(NamedTuple):
    """A service; its dates in days from the day the demo is loaded."""

    code: str
    label: str
    begins: int = -130
    ends: int | None = None
    description: str = ""
    requires_commitment: bool = False
    is_active: bool = True


# Structure → its services; the other structures have none.
SERVICES = {
    CHAMPOULANT: [
        Part(
            "SERVICE_INTENDANCE", "Intendance", description="Toutes les factures qui ne relèvent d'aucun autre service."
        ),
        Part("SERVICE_DIRECTION", "Direction"),
        Part("SERVICE_RESTAURATION", "Restauration", requires_commitment=True),
        Part("SERVICE_CDI", "Centre de documentation"),
        Part("SERVICE_NUMERIQUE", "Équipement numérique", begins=40),
        Part("SERVICE_TRAVAUX", "Travaux de rénovation du bâtiment B", ends=-10),
        Part("SERVICE_FOYER", "Foyer socio-éducatif", is_active=False),
    ],
    VEIL_LIFFRE: [
        Part("SERVICE_INTENDANCE", "Intendance"),
        Part("SERVICE_RESTAURATION", "Restauration"),
        Part("SERVICE_LABORATOIRES", "Laboratoires"),
    ],
    ARGENTRE: [Part("SERVICE_INTENDANCE", "Intendance"), Part("SERVICE_INTERNAT", "Internat", ends=200)],
    CHARCOT: [Part("SERVICE_INTENDANCE", "Intendance")],
    MENUISERIE: [Part("COMPTABILITE", "Comptabilité")],
}

# Structure → where it is paid: an IBAN that banks print as an example, and belongs to nobody.
BANK_ACCOUNTS = {
    CHAMPOULANT: {
        "label": "Compte de l'établissement",
        "holder": "Agent comptable du collège de Champoulant",
        "iban": "FR7630006000011234567890189",
        "bic": "AGRIFRPPXXX",
        "bank": "CREDIT AGRICOLE SA",
    },
}


class Person(NamedTuple):
    first_name: str
    last_name: str
    email: str
    activates: bool = True  # whether they used the activation link, once approved


SUPPORT = Person("Dominique", "Le Bihan", "assistance@portail.example")
PRINCIPAL = Person("Claire", "Fontaine", "claire.fontaine@champoulant.example")
SECONDARY = Person("Youssef", "Benali", "youssef.benali@champoulant.example")
SIMPLE = Person("Maëlle", "Le Goff", "maelle.legoff@champoulant.example")
# Accountants of the Éducation nationale keep the books of several schools.
OF_SEVERAL = Person("Anne-Sophie", "Lemarchand-Kerguélen", "anne-sophie.lemarchand@agence-comptable.example")

AUFFRET = Person("Mickaël", "Auffret", "mickael.auffret@janze.example")
ROUSSEL = Person("Bénédicte", "Roussel-Dubreuil", "benedicte.roussel@liffre.example")
TRAORE = Person("Ousmane", "Traoré", "ousmane.traore@dol.example")
LE_GALL = Person("Sylvie", "Le Gall", "sylvie.legall@chateaugiron.example")
BOURDONNAIS = Person("Hervé", "Bourdonnais", "herve.bourdonnais@vitre.example")
CHEVALIER = Person("Marguerite", "Chevalier", "marguerite.chevalier@combourg.example")
PRIGENT = Person("Nolwenn", "Prigent", "nolwenn.prigent@cio.example")
KERJEAN = Person("Gwenaëlle", "Kerjean", "gwenaelle@menuiserie-kerjean.example")
SOLE_TRADER = Person("Éric", "Vasseur", "eric.vasseur@entretien.example")
QUEMENEUR = Person("Paul-Émile", "Quéméneur", "paul-emile.quemeneur@saint-malo.example")

# (role as told to whoever tries the demo, login address, password)
ACCOUNTS = [
    ("Gestionnaire principal", PRINCIPAL.email, PASSWORD),
    ("Gestionnaire secondaire", SECONDARY.email, PASSWORD),
    ("Utilisateur simple", SIMPLE.email, PASSWORD),
    ("Gestionnaire principal de plusieurs structures", OF_SEVERAL.email, PASSWORD),
    ("Assistance", SUPPORT.email, PASSWORD),
]


class Ask(NamedTuple):
    """A request for attachment and what came of it: `role` when approved, `refusal` when refused,
    neither when it still waits. The whole structure is meant when no service is named."""

    days_ago: int
    person: Person
    siret: str
    role: Role | None = None
    services: tuple[str, ...] = ()
    comment: str = ""
    refusal: str = ""


class AskSpace(NamedTuple):
    """A request for a space by somebody already attached; `given` when it is approved, still waiting otherwise."""

    days_ago: int
    person: Person
    siret: str
    space: str
    accesses: tuple[str, ...] = ("consultation",)
    comment: str = ""
    given: bool = False


# What principal managers take is theirs at once, and opens there; the last one's space is not open yet.
SPACES = [
    AskSpace(70, PRINCIPAL, CHAMPOULANT, "engagements"),
    AskSpace(68, PRINCIPAL, CHAMPOULANT, "factures-a-valider", ("consultation", "modification")),
    AskSpace(20, SECONDARY, CHAMPOULANT, "engagements", ("consultation", "modification"), given=True),
    AskSpace(8, SIMPLE, CHAMPOULANT, "engagements", comment="Je suis les bons de commande de l'intendance."),
    AskSpace(3, SECONDARY, CHAMPOULANT, "factures-a-valider", ("consultation", "modification")),
    AskSpace(1, SIMPLE, CHAMPOULANT, "factures-de-travaux", comment="Réfection du préau."),
]

# In the order of time: a structure's principal manager comes before those they decide on.
ASKS = [
    Ask(120, PRINCIPAL, CHAMPOULANT, Role.PRINCIPAL),
    Ask(118, OF_SEVERAL, CASSIN, Role.PRINCIPAL),
    Ask(118, OF_SEVERAL, CHARCOT, Role.PRINCIPAL),
    Ask(118, OF_SEVERAL, DUGUAY_TROUIN, Role.PRINCIPAL),
    Ask(117, OF_SEVERAL, ARTHAUD, Role.PRINCIPAL),
    Ask(110, AUFFRET, MONNET, Role.PRINCIPAL),
    Ask(109, AUFFRET, VEIL_CREVIN, Role.PRINCIPAL),
    Ask(104, ROUSSEL, VEIL_LIFFRE, Role.PRINCIPAL),
    Ask(101, TRAORE, PELLE, Role.PRINCIPAL),
    Ask(97, LE_GALL, SEGALEN, Role.PRINCIPAL),
    Ask(96, BOURDONNAIS, ARGENTRE, Role.PRINCIPAL),
    Ask(90, CHEVALIER, CHATEAUBRIAND_LYCEE, Role.PRINCIPAL),
    Ask(90, CHEVALIER, CHATEAUBRIAND_COLLEGE, Role.PRINCIPAL),
    Ask(88, PRIGENT, CIO_SAINT_MALO, Role.PRINCIPAL),
    # The first person of a private structure becomes its principal manager at once.
    Ask(84, KERJEAN, MENUISERIE),
    Ask(80, SOLE_TRADER, VASSEUR),
    # Decided.
    Ask(75, SECONDARY, CHAMPOULANT, Role.SECONDARY),
    Ask(60, SIMPLE, CHAMPOULANT, Role.SIMPLE, ("SERVICE_INTENDANCE",), "Je tiens la comptabilité du collège."),
    Ask(52, QUEMENEUR, CHARCOT, Role.SIMPLE),
    Ask(48, Person("Ingrid", "Van den Berghe-Cochet", "ingrid.vandenberghe@liffre.example"), VEIL_LIFFRE,
        Role.SECONDARY),
    Ask(40, Person("Alan", "Kerjean", "alan@menuiserie-kerjean.example"), MENUISERIE, Role.SIMPLE),
    Ask(31, Person("Kévin", "Lebreton", "kevin.lebreton@courriel.example"), CHAMPOULANT,
        comment="Je souhaite déposer une facture.",
        refusal="Vous ne travaillez pas au collège. Pour nous adresser une facture, inscrivez-vous avec le SIRET de "
                "votre entreprise."),
    Ask(24, LE_GALL, CHAMPOULANT, comment="Je prépare un groupement de commandes.",
        refusal="Le groupement se gère depuis votre collège : aucun accès au nôtre n'est nécessaire."),
    Ask(1, Person("Quentin", "Marchadour", "quentin.marchadour@champoulant.example", activates=False), CHAMPOULANT,
        Role.SIMPLE, ("SERVICE_RESTAURATION",)),
    # Still waiting: for the managers of Champoulant…
    Ask(16, Person("Marie-Charlotte", "Descombes-Villeneuve", "mc.descombes@champoulant.example"), CHAMPOULANT,
        comment="Secrétaire générale du collège depuis la rentrée. Mon prédécesseur est parti en retraite."),
    Ask(12, Person("Rachid", "Amrani", "rachid.amrani@champoulant.example"), CHAMPOULANT,
        services=("SERVICE_INTENDANCE",), comment="Je remplace Maëlle Le Goff pendant son congé."),
    Ask(9, QUEMENEUR, CHAMPOULANT, comment="Je partage mon temps entre Saint-Malo et Champoulant."),
    Ask(7, Person("Élodie", "Guéguen", "elodie.gueguen@champoulant.example"), CHAMPOULANT,
        services=("SERVICE_RESTAURATION",), comment="Suivi des factures de la cantine."),
    Ask(5, Person("Jean-Philippe", "Castaing de Montferrand", "jp.castaing@champoulant.example"), CHAMPOULANT,
        services=("SERVICE_DIRECTION", "SERVICE_INTENDANCE")),
    Ask(4, Person("Fatoumata", "Diallo", "fatoumata.diallo@champoulant.example"), CHAMPOULANT),
    Ask(2, Person("Loïc", "Kervella", "loic.kervella@champoulant.example"), CHAMPOULANT,
        services=("SERVICE_CDI",), comment="Professeur documentaliste : commandes de livres et abonnements."),
    Ask(0, Person("Ngoc-Anh", "Tran", "ngoc-anh.tran@champoulant.example"), CHAMPOULANT,
        comment="Gestionnaire remplaçante jusqu'à la fin de l'année scolaire."),
    # … elsewhere…
    Ask(6, Person("Titouan", "Jégou", "titouan@menuiserie-kerjean.example"), MENUISERIE),
    Ask(3, Person("Sandrine", "Colin", "sandrine.colin@cabinet-colin.example"), MENUISERIE,
        services=("COMPTABILITE",), comment="Expert-comptable de la menuiserie."),
    Ask(3, SIMPLE, VEIL_LIFFRE, services=("SERVICE_RESTAURATION",), comment="Service partagé entre les deux cuisines."),
    # … and for support: nobody manages these.
    Ask(11, Person("Isabelle", "Rocher-Lamballais", "isabelle.rocher@orgeres.example"), RECIPON,
        comment="Je suis la nouvelle gestionnaire du collège."),
    Ask(1, Person("Bertrand", "Hamon", "bertrand.hamon@cesson.example"), BEAUSOLEIL),
]  # fmt: skip
