-- One branch per grouping: a filter on `by` leaves only the branches it names. What a verdict's own record says stands with
-- it; only a trace that was found more than once can stand under other values as well, under each of them once.
CREATE VIEW prevalence_by AS
WITH judged AS (
    SELECT trace_id, rubric, judge, label, model, task, epoch, variant FROM current_verdicts
    WHERE segment IS NULL AND rubric <> 'attribution'
),
elsewhere AS (
    SELECT trace_id, model, task, epoch, variant FROM sources WHERE trace_id IN (SELECT trace_id FROM sources WHERE again)
),
said_once AS (
    SELECT trace_id, "by", value FROM source_values
    WHERE NOT again AND trace_id NOT IN (SELECT trace_id FROM sources WHERE again)
    UNION ALL
    SELECT DISTINCT trace_id, "by", value FROM source_values
    WHERE trace_id IN (SELECT trace_id FROM sources WHERE again)
),
counted AS (
    SELECT 'model' AS "by", model AS value, rubric, judge, label, count(*) AS traces FROM judged GROUP BY ALL
    UNION ALL
    SELECT 'model', value, rubric, judge, label, count(*)
    FROM (
        SELECT DISTINCT judged.trace_id, elsewhere.model AS value, judged.rubric, judged.judge, judged.label
        FROM elsewhere JOIN judged ON judged.trace_id = elsewhere.trace_id
        WHERE elsewhere.model IS DISTINCT FROM judged.model
    )
    GROUP BY ALL
    UNION ALL
    SELECT 'task' AS "by", task AS value, rubric, judge, label, count(*) AS traces FROM judged GROUP BY ALL
    UNION ALL
    SELECT 'task', value, rubric, judge, label, count(*)
    FROM (
        SELECT DISTINCT judged.trace_id, elsewhere.task AS value, judged.rubric, judged.judge, judged.label
        FROM elsewhere JOIN judged ON judged.trace_id = elsewhere.trace_id
        WHERE elsewhere.task IS DISTINCT FROM judged.task
    )
    GROUP BY ALL
    UNION ALL
    SELECT 'epoch' AS "by", epoch::VARCHAR AS value, rubric, judge, label, count(*) AS traces FROM judged GROUP BY ALL
    UNION ALL
    SELECT 'epoch', value::VARCHAR, rubric, judge, label, count(*)
    FROM (
        SELECT DISTINCT judged.trace_id, elsewhere.epoch AS value, judged.rubric, judged.judge, judged.label
        FROM elsewhere JOIN judged ON judged.trace_id = elsewhere.trace_id
        WHERE elsewhere.epoch IS DISTINCT FROM judged.epoch
    )
    GROUP BY ALL
    UNION ALL
    SELECT 'variant' AS "by", variant AS value, rubric, judge, label, count(*) AS traces FROM judged GROUP BY ALL
    UNION ALL
    SELECT 'variant', value, rubric, judge, label, count(*)
    FROM (
        SELECT DISTINCT judged.trace_id, elsewhere.variant AS value, judged.rubric, judged.judge, judged.label
        FROM elsewhere JOIN judged ON judged.trace_id = elsewhere.trace_id
        WHERE elsewhere.variant IS DISTINCT FROM judged.variant
    )
    GROUP BY ALL
    UNION ALL
    SELECT said_once."by", said_once.value, judged.rubric, judged.judge, judged.label, count(*)
    FROM said_once JOIN judged ON judged.trace_id = said_once.trace_id
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
