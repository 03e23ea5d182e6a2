-- The open directory of the Éducation nationale: schools and offices, public and private.
INSERT INTO lines BY NAME
WITH read AS (
    SELECT * REPLACE (full_postcode(postcode, '') AS postcode) RENAME (nature AS typed_nature),
        compact(siret) AS identifier,
        try_cast(compact(siret) AS BIGINT) AS number,
        getvariable('natures')[folded(if(nature = '' AND compact(siret)[1] IN ('1', '2'), 'public', nature))] AS nature,
        upper(state) LIKE 'FERM%' AS closes,
        -- What is left of a line of address that only says postcode and town again, were it with « CEDEX ».
        trim(regexp_replace(search_key(town), '^\d{5}\b|\bCEDEX\b.*$', '', 'g')) AS place
    FROM cells
)
SELECT line, typed, 'siret' AS identifier_type, identifier, nature, name AS legal_name,
    address, more AS complement_1, if(place IN ('', search_key(city)), '', town) AS complement_2,
    postcode, city, closes, if(closes, day(updated), NULL) AS closed_on,
    CASE WHEN broken IS NOT NULL THEN broken
         WHEN NOT is_siret(identifier, number) THEN '?siret'
         WHEN name = '' THEN 'Le nom de l''établissement manque.'
         WHEN nature IS NULL THEN 'Statut inconnu (Public ou Privé) : « ' || left(typed_nature, 40) || ' ».'
         WHEN closes AND updated <> '' AND day(updated) IS NULL THEN wrong_day(updated)
         ELSE wrong_town(postcode, city, '') END AS fault
FROM read;
