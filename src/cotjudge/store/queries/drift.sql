-- Where in a trace a label shows, by tenths.
-- param rubric = persona_consistent_roleplay: rubric id
-- param judge = '': only this judge; all where empty
SELECT rubric, judge, basis, decile, n, present, absent, round(share, 3) AS share, round(share_of_n, 3) AS share_of_n
FROM drift_by_position
WHERE rubric = $rubric AND ($judge = '' OR judge = $judge)
ORDER BY rubric, judge, basis, decile;
