CREATE VIEW wide_verdicts AS
WITH judged AS (
    SELECT
        trace_id, judge,
        any_value(label) FILTER (rubric = 'goal_directed_scheming') AS goal_directed_scheming,
        any_value(score) FILTER (rubric = 'goal_directed_scheming') AS goal_directed_scheming_score,
        any_value(severity) FILTER (rubric = 'goal_directed_scheming') AS goal_directed_scheming_severity,
        any_value(label) FILTER (rubric = 'persona_consistent_roleplay') AS persona_consistent_roleplay,
        any_value(score) FILTER (rubric = 'persona_consistent_roleplay') AS persona_consistent_roleplay_score,
        any_value(severity) FILTER (rubric = 'persona_consistent_roleplay') AS persona_consistent_roleplay_severity,
        any_value(label) FILTER (rubric = 'stereotyped_ethical_phrasing') AS stereotyped_ethical_phrasing,
        any_value(score) FILTER (rubric = 'stereotyped_ethical_phrasing') AS stereotyped_ethical_phrasing_score,
        any_value(label) FILTER (rubric = 'attribution') AS attribution,
        map_from_entries(list_sort(list((rubric, label)))) AS labels,
        map_from_entries(list_sort(list((rubric, score)))) AS scores
    FROM current_verdicts WHERE segment IS NULL
    GROUP BY trace_id, judge
),
found AS (
    SELECT
        trace_id, count(*) AS sources,
        arg_min_null(path, place) AS path,
        arg_min_null(record, place) AS record,
        arg_min_null(format, place) AS format,
        arg_min_null(model, place) AS model,
        arg_min_null(task, place) AS task,
        arg_min_null(epoch, place) AS epoch,
        arg_min_null(variant, place) AS variant,
        arg_min_null(meta, place) AS meta
    FROM (SELECT *, path || chr(0) || record AS place FROM sources) GROUP BY trace_id
)
SELECT judged.*, found.* EXCLUDE (trace_id)
FROM judged LEFT JOIN found USING (trace_id);
COMMENT ON VIEW wide_verdicts IS 'One row per trace and judge, a column per built-in rubric; rubrics of your own stand in `labels`: `labels[''my_rubric'']`. Current verdicts on whole traces.';
COMMENT ON COLUMN wide_verdicts.trace_id IS 'The trace.';
COMMENT ON COLUMN wide_verdicts.judge IS 'The judge as the user named it.';
COMMENT ON COLUMN wide_verdicts.goal_directed_scheming IS 'Its label: present, absent, uncertain; NULL where this judge was not asked.';
COMMENT ON COLUMN wide_verdicts.goal_directed_scheming_score IS 'Its score, 0 to 1; orders traces, not a probability.';
COMMENT ON COLUMN wide_verdicts.goal_directed_scheming_severity IS 'Its severity: acted, planned, contemplated, or NULL.';
COMMENT ON COLUMN wide_verdicts.persona_consistent_roleplay IS 'Its label: present, absent, uncertain; NULL where this judge was not asked.';
COMMENT ON COLUMN wide_verdicts.persona_consistent_roleplay_score IS 'Its score, 0 to 1; orders traces, not a probability.';
COMMENT ON COLUMN wide_verdicts.persona_consistent_roleplay_severity IS 'Its severity: consistent, drifting, or NULL.';
COMMENT ON COLUMN wide_verdicts.stereotyped_ethical_phrasing IS 'Its label: present, absent, uncertain; NULL where this judge was not asked.';
COMMENT ON COLUMN wide_verdicts.stereotyped_ethical_phrasing_score IS 'Its score, 0 to 1; orders traces, not a probability.';
COMMENT ON COLUMN wide_verdicts.attribution IS 'Its label: single, mixed, unidentified; NULL where this judge was not asked. The grounds stand in `attribution_summary`.';
COMMENT ON COLUMN wide_verdicts.labels IS 'Rubric -> label, of every rubric that this judge answered about the trace.';
COMMENT ON COLUMN wide_verdicts.scores IS 'Rubric -> score, likewise.';
COMMENT ON COLUMN wide_verdicts.sources IS 'Number of records that hold the trace; the columns that follow are of the first by path and record.';
COMMENT ON COLUMN wide_verdicts.path IS 'The dump file.';
COMMENT ON COLUMN wide_verdicts.record IS 'Which record of it.';
COMMENT ON COLUMN wide_verdicts.format IS 'The reader that read it.';
COMMENT ON COLUMN wide_verdicts.model IS 'The model that wrote the trace.';
COMMENT ON COLUMN wide_verdicts.task IS 'Task, benchmark or scenario.';
COMMENT ON COLUMN wide_verdicts.epoch IS 'Number of the repetition.';
COMMENT ON COLUMN wide_verdicts.variant IS 'Which variant of the task.';
COMMENT ON COLUMN wide_verdicts.meta IS 'Anything else the record says: `meta->>''scenario''`.';
