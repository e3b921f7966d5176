-- Quotes that address the judge, with the verdict they could not sway.
-- param limit = 20: rows at most
SELECT trace_id, rubric, judge, label, criterion, left(quote, 120) AS quote
FROM evidence
WHERE addresses_judge AND current
ORDER BY trace_id, rubric, judge, ordinal
LIMIT $limit;
