-- Quotes that address the judge, with the verdict they could not sway.
-- param limit = 20: rows at most
SELECT current.trace_id, current.rubric, current.judge, current.label, evidence.criterion, left(evidence.quote, 120) AS quote
FROM evidence JOIN current_verdicts AS current ON current.key = evidence.key
WHERE evidence.addresses_judge
ORDER BY current.trace_id, current.rubric, current.judge, evidence.ordinal
LIMIT $limit;
