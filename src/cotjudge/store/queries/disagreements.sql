-- Traces on which two judges differ, or a judge and a label; opposed ones first.
-- param rubric = '': only this rubric; all where empty
-- param kind = any [any, judges, label]: between judges, between a judge and a label, or both
-- param limit = 20: rows at most
SELECT trace_id, rubric, kind, one, one_label, other, other_label, opposed
FROM disagreements
WHERE ($rubric = '' OR rubric = $rubric) AND ($kind = 'any' OR kind = $kind)
ORDER BY opposed DESC, rubric, trace_id, one, other
LIMIT $limit;
