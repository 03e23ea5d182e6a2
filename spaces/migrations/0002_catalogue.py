"""The spaces the portal starts with. Support changes them in the admin, so only what is missing is put in."""

from django.db import migrations

DEFAULT, ON_SUBSCRIPTION, NEVER = 'default', 'subscription', 'never'
EVERYBODY = {'principal': DEFAULT, 'secondary': DEFAULT, 'simple': DEFAULT}
MANAGERS = EVERYBODY | {'simple': NEVER}
ASKED = {'principal': ON_SUBSCRIPTION, 'secondary': ON_SUBSCRIPTION, 'simple': ON_SUBSCRIPTION}
CATALOGUE = [
    ('accueil-connecte', 'Accueil connecté', EVERYBODY | {'route': 'home'},
     "Ce qui vous attend, vos structures et vos espaces, sur une page."),
    ('mon-compte', 'Mon compte', EVERYBODY | {'route': 'account'},
     "Vos informations, vos rattachements, vos abonnements et vos pièces jointes."),
    ('factures-emises', 'Factures émises', EVERYBODY | {'is_free': True},
     "Déposer les factures que la structure adresse à l'État et aux collectivités, et suivre leur paiement."),
    ('sollicitations-emises', 'Sollicitations émises', EVERYBODY | {'route': 'support:tickets'},
     "Poser une question à l'assistance ou à une autre structure, et suivre les réponses."),
    ('activites-du-gestionnaire', 'Activités du gestionnaire', MANAGERS | {'route': 'attachments:activities'},
     "Décider des demandes, gérer les personnes de la structure et lire son historique."),
    ('factures-recues', 'Factures reçues', EVERYBODY | {'public_only': True},
     "Consulter les factures adressées à la structure, les télécharger et changer leur statut."),
    ('sollicitations-recues', 'Sollicitations reçues', ASKED,
     "Répondre aux questions que les fournisseurs posent à la structure."),
    ('factures-a-valider', 'Factures à valider', ASKED,
     "Valider les factures d'un sous-traitant ou d'un cotraitant avant qu'elles ne partent."),
    ('factures-de-travaux', 'Factures de travaux', ASKED,
     "Échanger les pièces d'un marché de travaux : projets de décompte, états d'acompte, décompte général."),
    ('engagements', 'Engagements', ASKED,
     "Rechercher les numéros d'engagement que les factures doivent porter."),
    ('memoires-de-frais-de-justice', 'Mémoires de frais de justice', ASKED,
     "Déposer les mémoires des prestataires de la justice, et suivre leur paiement."),
    ('demandes-de-remboursement-tic', 'Demandes de remboursement TIC', ASKED,
     "Demander le remboursement des taxes intérieures de consommation, et suivre la demande."),
]


def put_in(apps, schema_editor):
    spaces = apps.get_model('spaces', 'Space').objects
    for position, (code, label, values, description) in enumerate(CATALOGUE, 1):
        columns = {'label': label, 'description': description, 'position': position * 10} | values
        spaces.get_or_create(code=code, defaults=columns)


class Migration(migrations.Migration):

    dependencies = [
        ('spaces', '0001_initial'),
    ]

    operations = [
        migrations.RunPython(put_in, migrations.RunPython.noop),
    ]
