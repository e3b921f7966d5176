-- Each judge against each annotator's labels: how often which label met which.
-- param rubric = '': only this rubric; all where empty
-- param judge = '': only this judge; all where empty
SELECT
    current.rubric, current.judge, labels.annotator, labels.label AS annotator_says, current.label AS judge_says,
    count(*) AS traces
FROM labels JOIN current_verdicts AS current ON current.trace_id = labels.trace_id AND current.rubric = labels.rubric
WHERE current.segment IS NULL AND ($rubric = '' OR current.rubric = $rubric) AND ($judge = '' OR current.judge = $judge)
GROUP BY ALL
ORDER BY ALL;
