-- Verdicts whose opinions differ, the most divided first.
-- param rubric = '': only this rubric; all where empty
-- param limit = 20: rows at most
SELECT trace_id, rubric, judge, label, round(agreement, 3) AS agreement, samples, votes, settled_by
FROM current_verdicts
WHERE agreement < 1 AND ($rubric = '' OR rubric = $rubric)
ORDER BY agreement, trace_id, rubric, judge, segment
LIMIT $limit;
