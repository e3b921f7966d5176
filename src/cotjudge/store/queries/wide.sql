-- One row per trace and judge with the labels side by side.
-- param judge = '': only this judge; all where empty
-- param model = '': only traces of this model; all where empty
-- param limit = 20: rows at most
SELECT
    trace_id, judge, model, task, goal_directed_scheming AS scheming, goal_directed_scheming_severity AS severity,
    persona_consistent_roleplay AS roleplay, stereotyped_ethical_phrasing AS phrasing, attribution
FROM wide_verdicts
WHERE ($judge = '' OR judge = $judge) AND ($model = '' OR model = $model)
ORDER BY goal_directed_scheming_score DESC NULLS LAST, trace_id, judge
LIMIT $limit;
