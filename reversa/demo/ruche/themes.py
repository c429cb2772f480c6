"""What the three fictional customers talk about: short French lines that the generator combines."""

from __future__ import annotations

from dataclasses import dataclass


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@dataclass(frozen=True)
class Customer:
    """A fictional organisation, how large it is, and its words."""

    slug: str
    name: str
    legal_form: str
    people: int
    pages: int
    threads: int
    teams: tuple[str, ...]
    spaces: tuple[str, ...]  # "under > name" lies in "under"; the one that starts with "!" is private
    tags: tuple[str, ...]
    titles: tuple[str, ...]
    sentences: tuple[str, ...]
    subjects: tuple[str, ...]
    polls: tuple[str, ...]  # "question | choice | choice"


MOMENTS = _lines("""
    janvier
    printemps 2021
    rentrée 2021
    mars 2022
    été 2022
    novembre 2022
    février 2023
    juin 2023
    hiver 2023
    avril 2024
    rentrée 2024
    2025
""")

REPLIES = _lines("""
    Merci, c'est très clair.
    Je m'en occupe demain matin.
    D'accord pour moi, on peut avancer.
    J'ai mis le document à jour.
    Peux-tu vérifier le dernier chiffre ?
    Bonne idée, à essayer dès cette semaine.
    Je ne serai pas là jeudi, mais je lirai le compte rendu.
    Attention, la date a changé depuis hier.
    C'est fait, dites-moi s'il manque quelque chose.
    On en reparle à la prochaine réunion ?
    Je préfère la première version.
    Petit rappel : réponse attendue avant vendredi.
    Bravo à toute l'équipe 👏
    Je transmets à Claire, qui connaît le dossier.
    Il reste deux points à éclaircir.
    Vu avec le trésorier : c'est dans le budget.
""")

REMARKS = _lines("""
    Il manque la date en haut de la page.
    Ce paragraphe répète le précédent.
    Le lien ne mène plus nulle part.
    Très utile, merci.
    Peut-on ajouter une photo ?
    Le montant est-il hors taxes ?
    À relire avant de publier.
    Corrigé, je ferme la remarque.
    Je garderais plutôt l'ancienne formule.
    La liste n'est plus à jour.
    Le tableau gagnerait à être trié.
    Faut-il prévenir les nouveaux ?
""")

GIVEN = _words("""
    Aïcha Anaïs Baptiste Benoît Camille Céline Chloé Clément Coralie Damien Élise Émile Estelle Fabrice Fatou Florent François Gaëlle Hélène
    Hugo Inès Jérôme Joël Karim Léa Loïc Maëlys Malik Margaux Mathieu Nadia Noémie Océane Pascal Rémi Sabine Soizic Théo Yann Zoé
""")

FAMILY = _words("""
    Aubépin Bellerive Bonnechère Brindille Chantefort Coquelin Courtepaille D'Arvor Desroseaux Duchêne-Vert Escargueil Fougeray Garance
    Grandpré Hautbois Issartel Jolivent Kerdoncuff L'Hermine Lavandier Maisonfort Marronnier Montéglise Noisetier Ormeau Paimboeuf Passereau
    Peuplier Quatrevents Romarin Sablier Tournesol Vauclair Vertefeuille
""")

CORDEE = Customer(
    slug="cordee-solidaire",
    name="La Cordée Solidaire",
    legal_form="association loi de 1901",
    people=42,
    pages=120,
    threads=58,
    teams=("Conseil d'administration", "Maraudes", "Collecte", "Accueil", "Communication", "Bénévoles du mardi"),
    spaces=(
        "Vie de l'association",
        "Vie de l'association > Assemblées générales",
        "Vie de l'association > Statuts et règlement",
        "Maraudes",
        "Maraudes > Secteur nord",
        "Maraudes > Secteur gare",
        "Collecte alimentaire",
        "Accueil de jour",
        "Communication",
        "Agora",
        "!Cellule d'écoute",
    ),
    tags=("urgence", "bénévoles", "budget", "hiver", "collecte", "partenaires", "à relire", "modèle", "presse", "formation"),
    titles=_lines("""
        Compte rendu du conseil
        Préparer une maraude
        Guide de l'accueil
        Liste des partenaires
        Budget prévisionnel
        Planning des bénévoles
        Fiche du vestiaire
        Charte du bénévole
        Plan grand froid
        Inventaire de la réserve
        Bilan de la collecte
        Modèle de convention
        Numéros utiles
        Dossier de subvention
        Répartition des tournées
        Fête des voisins
    """),
    sentences=_lines("""
        La tournée du mardi part du local à dix-neuf heures précises.
        Chaque équipe compte trois bénévoles, dont un formé aux premiers secours.
        Les duvets sont rangés par taille dans l'armoire du fond.
        La mairie a confirmé le prêt de la salle Jean-Zay.
        Nous avons servi deux cent douze repas pendant la semaine.
        Le camion doit être rendu propre, le plein fait.
        Une personne nouvelle a été orientée vers le centre d'hébergement.
        La subvention départementale couvre les deux tiers du loyer.
        Les dons en nature sont pesés puis notés sur la fiche verte.
        Personne ne part seul en maraude, jamais.
        Le thermos bleu fuit ; en prendre un autre.
        L'épicerie du marché nous garde les invendus du samedi.
        Le conseil a voté à l'unanimité moins une abstention.
        Les adhésions restent à cinq euros cette année.
        La laverie partenaire accepte dix machines par semaine.
        Prévoir des gants et des chaussettes en grande taille.
        Le prochain café des bénévoles aura lieu après la distribution.
        Toute photographie demande l'accord écrit de la personne.
        L'accueil ouvre à huit heures et demie, café offert.
        Merci de signaler chaque absence avant midi.
        Les clés du local sont chez Madame Brindille.
        Le rapport moral a été lu puis approuvé.
        Notre fichier est tenu à jour par deux personnes seulement.
        La collecte de printemps a dépassé deux tonnes.
    """),
    subjects=_lines("""
        Qui peut conduire le camion samedi ?
        Besoin de couvertures
        Retour de la maraude d'hier
        Invendus de la boulangerie
        Nouvelle bénévole à accueillir
        Clés du local perdues
        Relecture de l'appel aux dons
        Formation premiers secours
        Stand au forum des associations
        Panne du réfrigérateur
    """),
    polls=(
        "Quel soir pour le café des bénévoles ? | lundi | mercredi | jeudi",
        "Quelle affiche pour la collecte ? | la main tendue | la corde | le panier | aucune",
        "Faut-il ouvrir le dimanche ? | oui | non | seulement en hiver",
        "Lieu de l'assemblée générale ? | salle Jean-Zay | le local | en ligne",
    ),
)

ATELIER = Customer(
    slug="atelier-bleu-pastel",
    name="Atelier Bleu Pastel",
    legal_form="SARL d'architecture",
    people=30,
    pages=95,
    threads=46,
    teams=("Associés", "Chefs de projet", "Dessin", "Chantier"),
    spaces=(
        "Agence",
        "Agence > Méthodes",
        "Projets",
        "Projets > École des Tilleuls",
        "Projets > Halle aux grains",
        "Projets > Maison Sablier",
        "Concours",
        "Matériaux",
        "Comptoir",
        "!Honoraires",
    ),
    tags=("esquisse", "permis", "chantier", "bois", "concours", "réglementation", "maquette", "à valider"),
    titles=_lines("""
        Notice architecturale
        Compte rendu de chantier
        Carnet de détails
        Tableau des surfaces
        Planning des études
        Fiche matériau
        Charte graphique des plans
        Note de calcul thermique
        Liste des réserves
        Dossier de permis
        Programme du concours
        Visite du site
        Descriptif des lots
        Choix des menuiseries
    """),
    sentences=_lines("""
        La façade nord gardera ses pierres apparentes jusqu'au premier étage.
        Le maître d'ouvrage demande une variante en ossature bois.
        Le plan masse respecte le retrait de quatre mètres.
        La lumière du matin entre par l'atelier de peinture.
        Le bureau de contrôle a levé trois réserves sur cinq.
        L'enduit à la chaux sera teinté dans la masse.
        Les menuiseries arrivent en semaine quarante-deux.
        La coupe transversale montre bien la double hauteur.
        Le géomètre a corrigé l'altimétrie de la parcelle.
        Nous proposons une cour plantée de six tilleuls.
        La maquette au cinquantième part chez le client lundi.
        L'escalier tient dans une trémie de deux mètres quarante.
        Le lot électricité n'a reçu qu'une seule offre.
        L'architecte des Bâtiments de France a rendu un avis favorable.
        Penser à numéroter les planches avant l'envoi.
        La charpente sera contrôlée avant la pose des tuiles.
        Le bleu pastel de la porte vient du nuancier de l'agence.
        Les surfaces utiles sont données hors circulations.
        Le chantier s'arrête deux semaines en août.
        La réception des travaux est fixée au dernier vendredi du mois.
        L'isolant en fibre de bois remplace la laine minérale.
        Toute modification de plan porte un nouvel indice.
        Le jury a salué la simplicité du parti.
        Reste à choisir la teinte du béton ciré.
    """),
    subjects=_lines("""
        Indice C du plan masse
        Retard du charpentier
        Échantillons de carrelage
        Qui relit la notice ?
        Réunion avec la mairie
        Imprimante grand format
        Photos de la visite
        Nuancier de la façade
        Rendu du concours vendredi
    """),
    polls=(
        "Quelle variante présenter ? | cour ouverte | galerie couverte | les deux",
        "Sortie d'agence ? | Le Corbusier à Firminy | Noisiel | Guise",
        "Jour de la revue de projet ? | mardi | jeudi",
    ),
)

RIVES = Customer(
    slug="trois-rives",
    name="Coopérative des Trois Rives",
    legal_form="société coopérative agricole",
    people=36,
    pages=105,
    threads=52,
    teams=("Bureau", "Céréales", "Maraîchage", "Élevage", "Magasin"),
    spaces=(
        "Coopérative",
        "Coopérative > Conseil",
        "Cultures",
        "Cultures > Blé et orge",
        "Cultures > Légumes de plein champ",
        "Élevage",
        "Matériel partagé",
        "Magasin",
        "Marché",
        "!Avances aux adhérents",
    ),
    tags=("semis", "récolte", "matériel", "bio", "prix", "météo", "sécurité", "adhérents", "irrigation"),
    titles=_lines("""
        Plan de culture
        Relevé des pluies
        Carnet du tracteur
        Procès-verbal du conseil
        Cours du blé
        Tour de plaine
        Guide de la traite
        Calendrier des semis
        Fiche sécurité
        Réglage du semoir
        Tarifs du magasin
        Bulletin aux adhérents
        Suivi de l'irrigation
        Bilan de moisson
    """),
    sentences=_lines("""
        Le semis d'orge est terminé sur la rive gauche.
        La moissonneuse passe chez Joël avant l'orage de jeudi.
        Trente-deux millimètres sont tombés en une seule nuit.
        Le conseil propose un acompte de cent quatre-vingts euros la tonne.
        Le tracteur rouge doit faire sa vidange à cinq cents heures.
        Les carottes de la parcelle du moulin sont prêtes.
        Deux génisses rejoignent le pré de l'île samedi.
        Le silo numéro trois sera vidé avant la récolte.
        La pompe de la rive droite a retrouvé sa pression.
        Le marché du village demande plus de poireaux.
        L'humidité du grain ne doit pas dépasser quinze pour cent.
        Chaque adhérent note ses heures de matériel le soir même.
        La haie du chemin creux a bien repris.
        Les prix du magasin changent le premier lundi du mois.
        Le technicien passera compter les pucerons.
        On garde la paille pour les éleveurs de la coopérative.
        La clôture électrique est à revoir près du gué.
        Le contrôle bio s'est déroulé sans remarque.
        Les bottes de foin se réservent au comptoir.
        La réunion de rentrée se tient dans la grange des Aulnes.
        Le niveau de la rivière interdit l'arrosage jusqu'à mardi.
        Les semences fermières sont triées au village voisin.
        Un nouveau maraîcher reprend les serres du bas.
        La part sociale reste à vingt euros.
    """),
    subjects=_lines("""
        Qui a le semoir ?
        Orage annoncé jeudi
        Commande groupée de semences
        Fuite à la pompe
        Prix du lait
        Clôture abattue près du gué
        Étal de samedi
        Visite du technicien
        Place dans le silo
    """),
    polls=(
        "Date de la fête de la moisson ? | 30 août | 6 septembre | 13 septembre",
        "Faut-il racheter un semoir ? | oui, d'occasion | oui, neuf | non",
        "Ouverture du magasin le lundi ? | oui | non",
    ),
)

CUSTOMERS = (CORDEE, ATELIER, RIVES)
