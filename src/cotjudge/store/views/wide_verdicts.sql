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
        any_value(score) FILTER (rubric = 'attribution') AS attribution_score,
        list((rubric, label, score)) FILTER (rubric NOT IN ('goal_directed_scheming', 'persona_consistent_roleplay',
            'stereotyped_ethical_phrasing', 'attribution')) AS others
    FROM current_verdicts WHERE segment IS NULL
    GROUP BY trace_id, judge
),
every AS (
    SELECT * EXCLUDE (others), list_sort(list_filter([
        ('goal_directed_scheming', goal_directed_scheming, goal_directed_scheming_score),
        ('persona_consistent_roleplay', persona_consistent_roleplay, persona_consistent_roleplay_score),
        ('stereotyped_ethical_phrasing', stereotyped_ethical_phrasing, stereotyped_ethical_phrasing_score),
        ('attribution', attribution, attribution_score)
    ] || coalesce(others, []), lambda one: one[2] IS NOT NULL)) AS rubrics
    FROM judged
),
elsewhere AS (
    SELECT trace_id, count(*) AS times FROM sources WHERE again GROUP BY trace_id
)
SELECT
    every.trace_id, every.judge, goal_directed_scheming, goal_directed_scheming_score, goal_directed_scheming_severity,
    persona_consistent_roleplay, persona_consistent_roleplay_score, persona_consistent_roleplay_severity,
    stereotyped_ethical_phrasing, stereotyped_ethical_phrasing_score, attribution,
    map_from_entries(list_transform(rubrics, lambda one: (one[1], one[2]))) AS labels,
    map_from_entries(list_transform(rubrics, lambda one: (one[1], one[3]))) AS scores,
    coalesce(elsewhere.times, 0) + (found.trace_id IS NOT NULL)::BIGINT AS sources, found.path, found.record,
    found.format, found.model, found.task, found.epoch, found.variant, found.meta
FROM every
LEFT JOIN (SELECT * FROM sources WHERE NOT again) AS found ON found.trace_id = every.trace_id
LEFT JOIN elsewhere ON elsewhere.trace_id = every.trace_id;
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
COMMENT ON COLUMN wide_verdicts.sources IS 'Number of records that hold the trace; the columns that follow are of the one found first.';
COMMENT ON COLUMN wide_verdicts.path IS 'The dump file.';
COMMENT ON COLUMN wide_verdicts.record IS 'Which record of it.';
COMMENT ON COLUMN wide_verdicts.format IS 'The reader that read it.';
COMMENT ON COLUMN wide_verdicts.model IS 'The model that wrote the trace.';
COMMENT ON COLUMN wide_verdicts.task IS 'Task, benchmark or scenario.';
COMMENT ON COLUMN wide_verdicts.epoch IS 'Number of the repetition.';
COMMENT ON COLUMN wide_verdicts.variant IS 'Which variant of the task.';
COMMENT ON COLUMN wide_verdicts.meta IS 'Anything else the record says: `meta->>''scenario''`.';
