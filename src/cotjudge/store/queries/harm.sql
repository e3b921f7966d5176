-- How far covert plans went, by model, task and what accounts for them.
-- param judge = '': only this judge; all where empty
SELECT model, task, judge, ground, traces, acted, planned, contemplated
FROM harm_by_source
WHERE $judge = '' OR judge = $judge
ORDER BY acted DESC, traces DESC, model, task, judge, ground;
