-- The verified quotes for a criterion, from the highest scores down.
-- param criterion = conceals: criterion id
-- param rubric = goal_directed_scheming: rubric id
-- param limit = 20: rows at most
SELECT current.trace_id, current.judge, current.label, round(current.score, 3) AS score, left(evidence.quote, 160) AS quote
FROM evidence JOIN current_verdicts AS current ON current.key = evidence.key
WHERE evidence.rubric = $rubric AND current.rubric = $rubric AND evidence.criterion = $criterion AND evidence.verified
    AND evidence.stance = 'for' AND evidence.current
ORDER BY current.score DESC NULLS LAST, current.trace_id, current.judge, evidence.ordinal
LIMIT $limit;
