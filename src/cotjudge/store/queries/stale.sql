-- Verdicts that a newer one of the same judge has replaced, by the setup they were made under.
SELECT
    stale.rubric, stale.judge, stale.rubric_version, left(stale.rubric_hash, 8) AS rubric_hash,
    left(stale.judge_hash, 8) AS judge_hash, stale.prompt_version, count(*) AS verdicts,
    count(*) FILTER (stale.label <> newest.label) AS label_changed
FROM verdicts AS stale
LEFT JOIN current_verdicts AS newest
    ON newest.slot_number = stale.slot_number AND newest.trace_id = stale.trace_id AND newest.segment IS NOT DISTINCT FROM stale.segment
    AND newest.rubric = stale.rubric AND newest.judge = stale.judge
WHERE NOT stale.current
GROUP BY ALL
ORDER BY verdicts DESC, stale.rubric, stale.judge, rubric_hash, judge_hash, stale.prompt_version;
