-- Quotes that are no evidence: not in the trace, or not where the criterion's quotes may stand.
-- param rubric = '': only this rubric; all where empty
-- param judge = '': only this judge; all where empty
-- param limit = 20: rows at most
SELECT
    current.trace_id, current.rubric, current.judge, evidence.criterion, evidence.stance, evidence.note,
    left(evidence.quote, 120) AS quote
FROM evidence JOIN current_verdicts AS current ON current.key = evidence.key
WHERE NOT evidence.verified AND ($rubric = '' OR current.rubric = $rubric) AND ($judge = '' OR current.judge = $judge)
ORDER BY current.trace_id, current.rubric, current.judge, evidence.ordinal
LIMIT $limit;
