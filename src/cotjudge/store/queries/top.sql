-- The traces with the highest scores of a rubric, and where they were found.
-- param rubric = goal_directed_scheming: rubric id
-- param judge = '': only this judge; all where empty
-- param label = '': only this label; all where empty
-- param limit = 20: rows at most
WITH highest AS (
    SELECT trace_id, judge, label, score, severity FROM current_verdicts
    WHERE segment IS NULL AND rubric = $rubric AND ($judge = '' OR judge = $judge) AND ($label = '' OR label = $label)
    ORDER BY score DESC NULLS LAST, trace_id, judge
    LIMIT $limit
)
SELECT
    highest.trace_id, highest.judge, highest.label, round(highest.score, 3) AS score, highest.severity,
    min(sources.path || ':' || sources.record) AS found_in
FROM highest LEFT JOIN sources ON sources.trace_id = highest.trace_id
GROUP BY ALL
ORDER BY score DESC NULLS LAST, highest.trace_id, highest.judge;
