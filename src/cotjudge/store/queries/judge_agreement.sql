-- Raw agreement between every two judges on the traces both were asked about; not corrected for chance.
-- param rubric = '': only this rubric; all where empty
WITH judged AS (
    SELECT trace_id, rubric, judge, label FROM current_verdicts
    WHERE segment IS NULL AND ($rubric = '' OR rubric = $rubric)
),
pairs AS (
    SELECT one.rubric, one.judge AS one, other.judge AS other
    FROM (SELECT DISTINCT rubric, judge FROM judged) AS one
    JOIN (SELECT DISTINCT rubric, judge FROM judged) AS other ON one.rubric = other.rubric AND one.judge < other.judge
),
others AS MATERIALIZED (
    SELECT * FROM judged SEMI JOIN pairs ON pairs.rubric = judged.rubric AND pairs.other = judged.judge
)
SELECT
    a.rubric, a.judge AS one, b.judge AS other, count(*) AS traces, count(*) FILTER (a.label = b.label) AS same,
    round(count(*) FILTER (a.label = b.label) / count(*), 3) AS agreement,
    count(*) FILTER (a.label <> b.label AND a.label NOT IN ('uncertain', 'unidentified')
        AND b.label NOT IN ('uncertain', 'unidentified')) AS opposed
FROM judged AS a JOIN others AS b ON b.trace_id = a.trace_id AND b.rubric = a.rubric AND b.judge > a.judge
GROUP BY ALL
ORDER BY a.rubric, one, other;
