-- How often each label is present, by model, task or any metadata key: naive shares of what the judge said.
-- param by = model [model, task, epoch, variant, format, meta.*]: what is grouped by; meta.KEY for a metadata key
-- param rubric = '': only this rubric; all where empty
-- param judge = '': only this judge; all where empty
-- param least = 1: fewest traces of a row
SELECT value AS "group", rubric, judge, traces, present, absent, uncertain, round(share, 3) AS share
FROM prevalence_by
WHERE "by" = $by AND traces >= $least AND ($rubric = '' OR rubric = $rubric) AND ($judge = '' OR judge = $judge)
ORDER BY rubric, judge, share DESC NULLS LAST, "group";
