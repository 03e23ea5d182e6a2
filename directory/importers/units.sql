-- INSEE's SIRENE stock, legal units. A unit's name goes unsaid when the unit is a natural person who may not be named.
INSERT INTO units BY NAME
WITH read AS (SELECT *, coalesce(status <> 'O', false) AS undisclosed FROM cells)
SELECT line, typed, siren AS identifier, category, undisclosed AS unit_undisclosed,
    if(undisclosed AND (category = '1000' OR denomination = ''), '', coalesce(usual_name, '')) AS unit_usual_name,
    CASE WHEN undisclosed AND (category = '1000' OR denomination = '') THEN ''
         WHEN denomination <> '' THEN denomination
         ELSE left(trim(concat_ws(' ', coalesce(nullif(used_surname, ''), surname),
                                  coalesce(nullif(used_first_name, ''), first_name))), 250) END AS unit_name,
    CASE WHEN broken IS NOT NULL THEN broken
         WHEN NOT regexp_full_match(siren, '\d{9}') THEN 'Un SIREN compte 9 chiffres.'
         WHEN length(category) > 4 THEN 'Une catégorie juridique compte 4 chiffres.' END AS fault
FROM read;
