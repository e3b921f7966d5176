-- How often each judge was uncertain, per rubric.
-- param judge = '': only this judge; all where empty
WITH judged AS (
    SELECT key, rubric, judge, label FROM current_verdicts
    WHERE segment IS NULL AND rubric <> 'attribution' AND ($judge = '' OR judge = $judge)
)
SELECT
    rubric, judge, count(*) AS traces, count(*) FILTER (label = 'uncertain') AS uncertain,
    round(count(*) FILTER (label = 'uncertain') / count(*), 3) AS share
FROM judged
GROUP BY rubric, judge
ORDER BY share DESC, rubric, judge;
