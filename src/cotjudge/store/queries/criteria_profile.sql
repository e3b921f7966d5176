-- The answers to each criterion of a rubric, apart for each label.
-- param rubric = goal_directed_scheming: rubric id
-- param judge = '': only this judge; all where empty
SELECT
    judge, label, criterion, count(*) AS traces, count(*) FILTER (answer IN ('yes', 'main')) AS yes,
    count(*) FILTER (answer = 'some') AS partly, count(*) FILTER (answer IN ('no', 'none')) AS no,
    count(*) FILTER (answer NOT IN ('yes', 'main', 'some', 'no', 'none')) AS cannot_tell,
    count(*) FILTER (note <> '') AS overruled
FROM criteria
WHERE rubric = $rubric AND current AND whole AND ($judge = '' OR judge = $judge)
GROUP BY judge, label, criterion
ORDER BY judge, label DESC, min(ordinal), criterion;
