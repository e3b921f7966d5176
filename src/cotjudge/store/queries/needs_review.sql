-- Verdicts that a person should look at, those with most reasons first.
-- param reason = any [any, uncertain, split, unverified, injection]: only for this reason
-- param rubric = '': only this rubric; all where empty
-- param limit = 20: rows at most
SELECT trace_id, rubric, judge, segment, label, round(score, 3) AS score, reasons
FROM needs_review
WHERE ($reason = 'any' OR list_contains(reasons, $reason)) AND ($rubric = '' OR rubric = $rubric)
ORDER BY len(reasons) DESC, score DESC NULLS LAST, trace_id, rubric, judge, segment
LIMIT $limit;
