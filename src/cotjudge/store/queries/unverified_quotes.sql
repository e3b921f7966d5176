-- Quotes that are no evidence: not in the trace, or not where the criterion's quotes may stand.
-- param rubric = '': only this rubric; all where empty
-- param judge = '': only this judge; all where empty
-- param limit = 20: rows at most
SELECT trace_id, rubric, judge, criterion, stance, note, left(quote, 120) AS quote
FROM evidence
WHERE NOT verified AND current AND ($rubric = '' OR rubric = $rubric) AND ($judge = '' OR judge = $judge)
ORDER BY trace_id, rubric, judge, ordinal
LIMIT $limit;
