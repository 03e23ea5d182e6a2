-- The portal's own CSV: the columns of its database, or those of the search's export.
INSERT INTO lines BY NAME
WITH read AS (
    SELECT *,
        if(coalesce(identifier_type, '') = '', 'siret', getvariable('identifier_types')[folded(identifier_type)]) AS kind,
        getvariable('natures')[folded(nature)] AS known_nature,
        getvariable('flags')[folded(coalesce(undisclosed, ''))] AS flag
    FROM cells
)
SELECT line, typed, known_nature AS nature, legal_name, label, address, complement_1, complement_2, city,
    kind AS identifier_type,
    if(kind = 'siret', siret(identifier), compact(identifier)) AS identifier,
    full_postcode(postcode, country) AS postcode,
    country,
    flag = 't' AS undisclosed,
    coalesce(closed_on, '') <> '' AS closes,
    day(closed_on) AS closed_on,
    CASE WHEN broken IS NOT NULL THEN broken
         WHEN kind IS NULL THEN 'Type d''identifiant inconnu : « ' || left(identifier_type, 40) || ' ».'
         WHEN kind = 'siret' AND siret(identifier) IS NULL THEN '?siret'
         WHEN kind <> 'siret' AND NOT regexp_full_match(compact(identifier), getvariable('rules')[kind]) THEN '?' || kind
         WHEN known_nature IS NULL
         THEN 'Type de structure inconnu (Publique ou Privée) : « ' || left(nature, 40) || ' ».'
         WHEN legal_name = '' THEN 'La raison sociale manque.'
         WHEN known_nature = 'public' AND kind <> 'siret' THEN 'Une structure publique est identifiée par un SIRET.'
         WHEN flag IS NULL THEN '« Non diffusible » vaut Oui ou Non, pas « ' || left(undisclosed, 40) || ' ».'
         WHEN wrong_town(postcode, city, country) IS NOT NULL THEN wrong_town(postcode, city, country)
         WHEN coalesce(closed_on, '') <> '' AND day(closed_on) IS NULL THEN wrong_day(closed_on) END AS fault
FROM read;
