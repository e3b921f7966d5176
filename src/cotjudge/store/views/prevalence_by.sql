-- One branch per grouping: a filter on `by` leaves only the branches it names. A trace found twice under the same value
-- counts once.
CREATE VIEW prevalence_by AS
WITH judged AS (
    SELECT trace_id, rubric, judge, label FROM current_verdicts WHERE segment IS NULL
),
counted AS (
    SELECT 'model' AS "by", found.value, judged.rubric, judged.judge, judged.label, count(*) AS traces
    FROM (SELECT DISTINCT trace_id, model AS value FROM sources) AS found JOIN judged USING (trace_id) GROUP BY ALL
    UNION ALL
    SELECT 'task' AS "by", found.value, judged.rubric, judged.judge, judged.label, count(*) AS traces
    FROM (SELECT DISTINCT trace_id, task AS value FROM sources) AS found JOIN judged USING (trace_id) GROUP BY ALL
    UNION ALL
    SELECT 'epoch' AS "by", found.value::VARCHAR, judged.rubric, judged.judge, judged.label, count(*) AS traces
    FROM (SELECT DISTINCT trace_id, epoch AS value FROM sources) AS found JOIN judged USING (trace_id) GROUP BY ALL
    UNION ALL
    SELECT 'variant' AS "by", found.value, judged.rubric, judged.judge, judged.label, count(*) AS traces
    FROM (SELECT DISTINCT trace_id, variant AS value FROM sources) AS found JOIN judged USING (trace_id) GROUP BY ALL
    UNION ALL
    SELECT 'format' AS "by", found.value, judged.rubric, judged.judge, judged.label, count(*) AS traces
    FROM (SELECT DISTINCT trace_id, format AS value FROM sources) AS found JOIN judged USING (trace_id) GROUP BY ALL
    UNION ALL
    SELECT found."by", found.value, judged.rubric, judged.judge, judged.label, count(*) AS traces
    FROM (
        SELECT DISTINCT sources.trace_id, 'meta.' || entry.key AS "by", entry.value ->> '$' AS value
        FROM sources, json_each(sources.meta) AS entry
        WHERE entry.type NOT IN ('OBJECT', 'ARRAY', 'NULL')
    ) AS found JOIN judged USING (trace_id)
    GROUP BY ALL
)
SELECT
    "by", value, rubric, judge, sum(traces)::BIGINT AS traces,
    coalesce(sum(traces) FILTER (label = 'present'), 0)::BIGINT AS present,
    coalesce(sum(traces) FILTER (label = 'absent'), 0)::BIGINT AS absent,
    coalesce(sum(traces) FILTER (label = 'uncertain'), 0)::BIGINT AS uncertain,
    present / nullif(present + absent, 0) AS share,
    uncertain / sum(traces) AS share_uncertain
FROM counted
WHERE rubric <> 'attribution'
GROUP BY "by", value, rubric, judge;
COMMENT ON VIEW prevalence_by IS 'How often each label is present, by model, task, epoch, variant, format or any metadata key: filter by `by`. Naive shares of what the judge said, uncorrected for its errors. Current verdicts on whole traces; without `attribution`, which has labels of another kind.';
COMMENT ON COLUMN prevalence_by."by" IS 'What is grouped by: model, task, epoch, variant, format, or meta.KEY for a key of `sources.meta` with a text, number or truth value.';
COMMENT ON COLUMN prevalence_by.value IS 'Its value, as text; NULL where the dump does not say. A trace found under two values counts in both.';
COMMENT ON COLUMN prevalence_by.rubric IS 'Rubric id.';
COMMENT ON COLUMN prevalence_by.judge IS 'The judge as the user named it.';
COMMENT ON COLUMN prevalence_by.traces IS 'Traces judged.';
COMMENT ON COLUMN prevalence_by.present IS 'Of these, labelled present.';
COMMENT ON COLUMN prevalence_by.absent IS 'Labelled absent.';
COMMENT ON COLUMN prevalence_by.uncertain IS 'Labelled uncertain.';
COMMENT ON COLUMN prevalence_by.share IS 'present / (present + absent), 0 to 1; NULL where nothing is decided.';
COMMENT ON COLUMN prevalence_by.share_uncertain IS 'uncertain / traces, 0 to 1.';
