-- INSEE's SIRENE stock, establishments, with what `units` says of the legal unit of each.
INSERT INTO lines BY NAME
WITH numbered AS (
    SELECT *, compact(siret) AS number, try_cast(compact(siret) AS BIGINT) AS digits FROM cells
), known AS (
    SELECT *,
        state = 'F' AS closes,
        unit_undisclosed OR coalesce(status <> 'O', false) AS hidden,
        trim(concat_ws(' ', nullif(house, ''), nullif(again, ''), nullif(street_type, ''), nullif(street, ''))) AS road,
        coalesce(nullif(sign, ''), nullif(usual_name, ''), unit_usual_name) AS called
    FROM numbered LEFT JOIN (
        SELECT identifier AS siren, unit_name, unit_usual_name, category, unit_undisclosed FROM units WHERE fault IS NULL
    ) ON siren = left(number, 9)
), named AS (
    SELECT *,
        hidden AND (category = '1000' OR unit_name = '') AS unnamed,
        coalesce(nullif(foreign_city, ''), city) AS place,
        full_postcode(if(hidden, '', postcode), country) AS full_code
    FROM known
)
SELECT line, typed, 'siret' AS identifier_type, number AS identifier,
    if((list_contains(getvariable('public_categories'), category) OR number[1] IN ('1', '2'))
       AND NOT list_contains(getvariable('not_public'), left(number, 9)), 'public', 'private') AS nature,
    if(unnamed, 'Non diffusible', unit_name) AS legal_name,
    if(unnamed OR search_key(called) = search_key(unit_name), '', called) AS label,
    if(hidden, '', left(road, 250)) AS address,
    if(hidden, '', complement) AS complement_1,
    if(hidden, '', box) AS complement_2,
    full_code AS postcode,
    place AS city, country, hidden AS undisclosed, closes,
    if(closes, day(since), NULL) AS closed_on,
    CASE WHEN broken IS NOT NULL THEN broken
         WHEN NOT is_siret(number, digits) THEN '?siret'
         WHEN closes AND since <> '' AND day(since) IS NULL THEN wrong_day(since)
         WHEN closes THEN NULL
         WHEN siren IS NULL THEN 'L''unité légale (SIREN) est inconnue : importez le StockUniteLegale du même mois.'
         WHEN unit_name = '' AND NOT unnamed THEN 'La raison sociale manque à l''unité légale.'
         ELSE wrong_town(full_code, place, country) END AS fault
FROM named;
