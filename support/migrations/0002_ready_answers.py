from django.db import migrations, models

# The ready answers the portal starts with. Support changes them in the admin, so only what is missing is put in.
GONE, NO_PRINCIPAL, CREATION = 'manager_gone', 'no_principal', 'public_structure'
REACTIVATION, EVERYWHERE = 'reactivation', ''
CATALOGUE = [
    (EVERYWHERE, "Bien reçu",
     "Nous avons bien reçu votre demande et nous la regardons. Un courriel vous préviendra dès qu'il y aura du nouveau."),
    (EVERYWHERE, "Précisions à donner",
     "Pour vous répondre, il nous manque des précisions. Que vouliez-vous faire, sur quelle page, et qu'est-ce qui s'est "
     "affiché ? Une copie d'écran aide beaucoup ; n'y laissez voir ni mot de passe, ni coordonnées bancaires."),
    (EVERYWHERE, "Clôture sans nouvelles",
     "Sans nouvelles de vous, nous clôturons cette sollicitation. Si le problème demeure, répondez ici : elle sera "
     "rouverte."),
    (GONE, "Nouveau gestionnaire : compte à activer",
     "L'adresse indiquée pour le nouveau gestionnaire n'est pas celle d'un compte actif. Cette personne doit créer son "
     "compte sur le portail, ou l'activer avec le lien reçu par courriel. Écrivez-nous ici quand c'est fait : nous "
     "vous enverrons alors l'attestation à signer."),
    (GONE, "Attestation à refaire",
     "L'attestation déposée ne peut pas être acceptée telle quelle. Toute la page doit se lire, avec le nom, la fonction "
     "et la signature de la personne qui représente la structure, le lieu et la date. Déposez-la de nouveau ici."),
    (GONE, "Opposition : justificatif à joindre",
     "Le gestionnaire en place s'oppose au changement. Pour aller plus loin, il nous faut un document qui montre qui "
     "exerce la fonction aujourd'hui : arrêté de nomination, délibération, extrait Kbis ou lettre de la direction. "
     "Joignez-le à votre réponse."),
    (GONE, "Le gestionnaire peut transmettre lui-même",
     "Le gestionnaire principal en place a un compte actif : il peut désigner lui-même son successeur. Sur la page "
     "« Mes rattachements aux structures », il coche la structure, choisit « Supprimer mes rattachements », puis la "
     "personne qui le remplace. C'est immédiat, et sans attestation."),
    (NO_PRINCIPAL, "Fonctions à justifier",
     "Pour désigner un gestionnaire principal, il nous faut un document qui montre ses fonctions dans la structure : "
     "arrêté de nomination, délibération ou lettre de la direction. Joignez-le à votre réponse."),
    (NO_PRINCIPAL, "Gestionnaire principal désigné",
     "La structure a maintenant un gestionnaire principal. Depuis « Activités du gestionnaire », il décide des demandes "
     "et rattache les personnes."),
    (CREATION, "SIRET introuvable ou fermé",
     "Ce SIRET ne figure pas dans le répertoire des entreprises, ou son établissement est fermé. Vérifiez-le, puis "
     "répondez ici avec le bon numéro."),
    (CREATION, "Structure créée",
     "La structure est maintenant sur le portail. Recherchez-la par son SIRET, puis demandez à y être rattaché."),
    (REACTIVATION, "Compte introuvable",
     "Aucun compte ne correspond à cette adresse. Dites-nous avec quelle adresse vous vous connectiez, et dans quelle "
     "structure vous travaillez."),
    (REACTIVATION, "Compte rouvert",
     "Votre compte est rouvert. Un courriel vous apporte un lien pour choisir un mot de passe ; s'il n'arrive pas, "
     "regardez parmi les indésirables."),
]


def put_in(apps, schema_editor):
    answers = apps.get_model('support', 'ReadyAnswer').objects
    for category, title, text in CATALOGUE:
        answers.get_or_create(category=category, title=title, defaults={'text': f'Bonjour,\n\n{text}'})


class Migration(migrations.Migration):

    dependencies = [
        ('support', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='ticketfile',
            name='role',
            field=models.CharField(choices=[('other', 'Pièce'), ('certificate', 'Attestation à signer'), ('signed', 'Attestation signée'), ('spent', 'Attestation signée, déjà utilisée')], default='other', max_length=11, verbose_name='rôle'),
        ),
        migrations.RunPython(put_in, migrations.RunPython.noop),
    ]
