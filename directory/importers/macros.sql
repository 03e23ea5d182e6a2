-- What the kinds of files share: cells as people type them, identifiers, search keys. Read once per import.

-- Cells. Most lines, whose cells are given here with « | » between them, are tidy and taken as they stand.
CREATE MACRO is_untidy(cells) AS
    length(cells) > 250 OR regexp_matches('|' || cells || '|', '  | \||\| |\|''|[^ -~\p{L}\p{M}\p{N}\p{P}\p{S}]');
CREATE MACRO holds_control(t) AS regexp_matches(t, '[\x00-\x08\x0E-\x1B\x7F-\x{84}\x{86}-\x{9F}]');
CREATE MACRO single_spaced(t) AS trim(if(contains(t, '  '), regexp_replace(t, ' {2,}', ' ', 'g'), t));
-- Our exports put an apostrophe before what a spreadsheet would compute.
CREATE MACRO unguarded(t) AS
    CASE WHEN t[1] = '''' AND regexp_matches(t, '^['' \n\x{A0}]+[-=+@\t\r＝＋－＠]') THEN t[2:] ELSE t END;
-- No invisible sign, single spaces, cut to what a column holds: that loses less than leaving a line out.
CREATE MACRO tidy(t) AS rtrim(left(single_spaced(regexp_replace(
    regexp_replace(unguarded(t), '\p{Cf}', '', 'g'), '[\x09-\x0D\x1C-\x1F\x{85}\p{Z}]', ' ', 'g')), 250));

-- Identifiers.
CREATE MACRO compact(t) AS upper(regexp_replace(t, '[ .\x{A0}\x{202F}-]', '', 'g'));
-- What two digits add to a Luhn sum, the first of them doubled.
CREATE MACRO pair_sum(p) AS p % 10 + p // 10 * 2 - if(p >= 50, 9, 0);
CREATE MACRO luhn(n) AS
    (pair_sum(n % 100) + pair_sum(n // 100 % 100) + pair_sum(n // 10000 % 100) + pair_sum(n // 1000000 % 100)
     + pair_sum(n // 100000000 % 100) + pair_sum(n // 10000000000 % 100) + pair_sum(n // 1000000000000)) % 10 = 0;
CREATE MACRO digit_sum(t) AS list_sum(list_transform(string_split(t, ''), lambda d: d::INTEGER));
-- Whether a compact text, also given as a number, is a SIRET. La Poste's establishments but its head office are numbered otherwise.
CREATE MACRO is_siret(t, n) AS
    CASE WHEN NOT regexp_full_match(t, '\d{14}') OR t = '00000000000000' THEN false
         WHEN starts_with(t, '356000000') AND t <> '35600000000048' THEN digit_sum(t) % 5 = 0
         ELSE luhn(n) AND luhn(n // 100000) END;

-- Search keys, as plumbing.text.search_key makes them.
CREATE MACRO parted(t) AS regexp_replace(t, '[''’.,-]', ' ', 'g');
CREATE MACRO unligatured(t) AS replace(replace(replace(replace(t, 'œ', 'oe'), 'Œ', 'OE'), 'æ', 'ae'), 'Æ', 'AE');
CREATE MACRO any_key(t) AS
    list_aggregate(list_transform(string_split(t, ''), lambda c: coalesce(getvariable('plain')[c], c)), 'string_agg', '');
CREATE MACRO search_key(t) AS
    CASE WHEN regexp_full_match(t, '[A-Z0-9 ]*') THEN t
         WHEN regexp_full_match(t, '[ -~]*') THEN single_spaced(parted(upper(t)))
         WHEN regexp_full_match(t, '[ -~À-ÖÙ-ÝŒÆà-öù-ýÿœæ’«»–°]*')
         THEN single_spaced(parted(upper(strip_accents(unligatured(t)))))
         ELSE single_spaced(any_key(t)) END;

-- Words and dates. `folded` as plumbing.text.folded, for the few words a column may hold.
CREATE MACRO folded(t) AS single_spaced(lower(strip_accents(t)));
CREATE MACRO day(t) AS
    CASE WHEN regexp_full_match(t, '\d{1,2}/\d{1,2}/\d{4}') AND t NOT LIKE '%/0000'
         THEN try_strptime(t, '%d/%m/%Y')::DATE
         WHEN regexp_full_match(t, '\d{8}') AND t NOT LIKE '0000%' THEN try_strptime(t, '%Y%m%d')::DATE
         WHEN regexp_matches(t, '^\d{4}-\d{2}-\d{2}') AND t NOT LIKE '0000%' THEN try_cast(left(t, 10) AS DATE) END;
CREATE MACRO wrong_day(t) AS 'La date « ' || left(t, 20) || ' » n''existe pas : écrivez-la 31/12/2023.';

-- Towns. A spreadsheet makes 1000 of 01000.
CREATE MACRO is_france(country) AS coalesce(country, '') IN ('', 'France');
CREATE MACRO postcode_key(t) AS if(regexp_full_match(replace(t, ' ', ''), '\d+'), replace(t, ' ', ''), upper(t));
CREATE MACRO full_postcode(t, country) AS
    if(is_france(country) AND regexp_full_match(postcode_key(t), '\d{4}'), '0' || postcode_key(t), postcode_key(t));
-- What is too long of a full postcode, a city and a country.
CREATE MACRO too_long(t, longest, what) AS
    if(length(t) > longest, what || ' dépasse ' || longest || ' caractères : une cellule est sans doute décalée.', NULL);
CREATE MACRO wrong_town(postcode, city, country) AS coalesce(
    too_long(postcode, 10, 'Le code postal'),
    too_long(city, 100, 'La ville'),
    too_long(country, 60, 'Le pays'));

-- What the lines say; those with a fault are left out. `closes`: only that the establishment is closed, on
-- `closed_on` when that is known.
CREATE TABLE lines (
    line BIGINT, typed VARCHAR, fault VARCHAR, identifier_type VARCHAR, identifier VARCHAR, nature VARCHAR,
    legal_name VARCHAR, label VARCHAR, address VARCHAR, complement_1 VARCHAR, complement_2 VARCHAR,
    postcode VARCHAR, city VARCHAR, country VARCHAR, undisclosed BOOLEAN, closes BOOLEAN, closed_on DATE
);
CREATE TABLE units (
    line BIGINT, typed VARCHAR, fault VARCHAR, identifier VARCHAR, unit_name VARCHAR, unit_usual_name VARCHAR,
    category VARCHAR, unit_undisclosed BOOLEAN
);
