-- Journal lines (the temporary table `lines`: one column per table, named after it) into the tables, each row once.
-- First which lines are new, then their rows: moving whole rows through a DISTINCT costs ten times as much.
-- A child table follows its parent: criteria and evidence come with a new verdict only, segments with a new trace.
-- {old} is the schema where the old rows are, {into} what stands before the name of a table that takes the new ones: a
-- merge has both in the file, an overlay has the new rows aside. `runs`, `labels` and `dumps`, whose new row can replace
-- an old one, are left to replace.sql and overlay.sql.

CREATE TEMP TABLE new_traces AS
SELECT min(line.rowid) AS line FROM lines AS line ANTI JOIN {old}.traces AS old ON line.traces['trace_id'] = old.trace_id
WHERE line.traces IS NOT NULL
GROUP BY line.traces['trace_id'];

INSERT INTO {into}traces BY NAME SELECT unnest(traces) FROM lines WHERE rowid IN (FROM new_traces);

INSERT INTO {into}segments BY NAME
SELECT traces['trace_id'] AS trace_id, unnest(segments, max_depth := 2) FROM lines WHERE rowid IN (FROM new_traces);

CREATE TEMP TABLE new_sources AS
SELECT min(line.rowid) AS line, line.sources['trace_id'] AS trace_id
FROM lines AS line ANTI JOIN {old}.sources AS old
    ON line.sources['trace_id'] = old.trace_id AND line.sources['path'] = old.path
    AND line.sources['record'] = old.record
WHERE line.sources IS NOT NULL
GROUP BY line.sources['trace_id'], line.sources['path'], line.sources['record'];

INSERT INTO {into}sources BY NAME
SELECT
    unnest(sources), row_number() OVER (PARTITION BY sources['trace_id'] ORDER BY rowid) > 1
    OR sources['trace_id'] IN (SELECT trace_id FROM {old}.sources SEMI JOIN new_sources USING (trace_id)) AS again
FROM lines WHERE rowid IN (SELECT line FROM new_sources);

-- Ten million keys take 0.6 s to look through, and as many numbers 0.05 s: which rows could be the same is found by number.
CREATE TEMP TABLE named AS
SELECT min(rowid) AS line, verdicts['key'] AS key, number32(verdicts['key']) AS key_number
FROM lines WHERE verdicts IS NOT NULL
GROUP BY verdicts['key'];

CREATE TEMP TABLE numbered_alike AS SELECT old.rowid AS row FROM {old}.verdicts AS old SEMI JOIN named USING (key_number);

CREATE TEMP TABLE new_verdicts AS
SELECT line FROM named
ANTI JOIN (SELECT key FROM {old}.verdicts WHERE rowid IN (FROM numbered_alike)) AS known ON known.key = named.key;

-- What is not current any more, or is not although it is new: of the same trace, segment, rubric and judge the newest is.
CREATE TEMP TABLE arrived AS
SELECT
    verdicts['key'] AS key, verdicts['trace_id'] AS trace_id, verdicts['segment'] AS segment,
    verdicts['rubric'] AS rubric, verdicts['judge'] AS judge, verdicts['created_at'] AS created_at,
    slot32(verdicts['trace_id'], verdicts['segment'], verdicts['rubric'], verdicts['judge']) AS slot_number
FROM lines WHERE rowid IN (FROM new_verdicts);

CREATE TEMP TABLE placed_alike AS SELECT old.rowid AS row FROM {old}.verdicts AS old SEMI JOIN arrived USING (slot_number);

CREATE TEMP TABLE replaced AS
SELECT row, key FROM (
    SELECT row, key, current, row_number() OVER newest AS place
    FROM (
        SELECT rowid AS row, current, key, trace_id, segment, rubric, judge, created_at
        FROM {old}.verdicts WHERE rowid IN (FROM placed_alike)
        UNION ALL
        SELECT NULL AS row, true AS current, key, trace_id, segment, rubric, judge, created_at FROM arrived
    )
    WINDOW newest AS (PARTITION BY trace_id, segment, rubric, judge ORDER BY created_at DESC, key)
)
WHERE current AND place > 1;

INSERT INTO {into}verdicts BY NAME
SELECT
    unnest(verdicts), unverified_quotes(evidence) AS unverified, verdicts['key'] NOT IN (SELECT key FROM replaced) AS current,
    number32(verdicts['key']) AS key_number,
    slot32(verdicts['trace_id'], verdicts['segment'], verdicts['rubric'], verdicts['judge']) AS slot_number
FROM lines WHERE rowid IN (FROM new_verdicts);

INSERT INTO {into}criteria BY NAME
SELECT
    verdicts['key'] AS key, verdicts['trace_id'] AS trace_id, verdicts['rubric'] AS rubric, verdicts['judge'] AS judge,
    verdicts['label'] AS label, verdicts['segment'] IS NULL AS whole,
    verdicts['key'] NOT IN (SELECT key FROM replaced) AS current, unnest(criteria, max_depth := 2)
FROM lines WHERE rowid IN (FROM new_verdicts);

INSERT INTO {into}evidence BY NAME
SELECT
    verdicts['key'] AS key, verdicts['trace_id'] AS trace_id, verdicts['rubric'] AS rubric, verdicts['judge'] AS judge,
    verdicts['label'] AS label, verdicts['segment'] IS NULL AS whole,
    verdicts['key'] NOT IN (SELECT key FROM replaced) AS current, unnest(evidence, max_depth := 2)
FROM lines WHERE rowid IN (FROM new_verdicts);

CREATE TEMP TABLE new_failures AS
SELECT min(line.rowid) AS line
FROM lines AS line ANTI JOIN {old}.failures AS old
    ON line.failures['key'] = old.key AND line.failures['run_id'] = old.run_id
WHERE line.failures IS NOT NULL
GROUP BY line.failures['key'], line.failures['run_id'];

INSERT INTO {into}failures BY NAME SELECT unnest(failures) FROM lines WHERE rowid IN (FROM new_failures);

-- The ledger keeps what was spent, also on a verdict that another scorer had kept already: once per judgement and run.
-- A new verdict's and a new failure's are new; only of the others must the table be asked.
CREATE TEMP TABLE new_calls AS
WITH called AS (
    SELECT
        min(rowid) AS line, coalesce(verdicts['key'], failures['key']) AS key,
        coalesce(verdicts['run_id'], failures['run_id']) AS run_id
    FROM lines WHERE len(calls) > 0
    GROUP BY ALL
),
had AS (
    SELECT * FROM called WHERE line NOT IN (FROM new_verdicts) AND line NOT IN (FROM new_failures)
)
SELECT line FROM called
ANTI JOIN (SELECT had.line FROM had JOIN {old}.calls AS old ON had.key = old.key AND had.run_id = old.run_id) USING (line);

INSERT INTO {into}calls BY NAME
SELECT
    coalesce(verdicts['key'], failures['key']) AS key, coalesce(verdicts['trace_id'], failures['trace_id']) AS trace_id,
    coalesce(verdicts['rubric'], failures['rubric']) AS rubric,
    coalesce(verdicts['judge'], failures['judge']) AS judge,
    coalesce(verdicts['run_id'], failures['run_id']) AS run_id, unnest(calls, max_depth := 2)
FROM lines WHERE rowid IN (FROM new_calls);

-- Runs, labels and dumps: the newest line of each, unless the old row is to stay.
CREATE TEMP TABLE new_runs AS
SELECT unnest(runs) FROM (
    SELECT DISTINCT ON (runs['run_id']) runs FROM lines WHERE runs IS NOT NULL
    ORDER BY runs['finished_at'] DESC NULLS LAST
)
WHERE runs['run_id'] NOT IN (SELECT run_id FROM {old}.runs WHERE finished_at IS NOT NULL);

CREATE TEMP TABLE new_labels AS
SELECT new.* FROM (
    SELECT unnest(labels) FROM (
        SELECT DISTINCT ON (labels['trace_id'], labels['rubric'], labels['annotator']) labels FROM lines
        WHERE labels IS NOT NULL
        ORDER BY labels['created_at'] DESC
    )
) AS new ANTI JOIN {old}.labels AS old
    ON new.trace_id = old.trace_id AND new.rubric = old.rubric AND new.annotator = old.annotator
    AND old.created_at > new.created_at;

CREATE TEMP TABLE new_dumps AS
SELECT new.* FROM (
    SELECT unnest(dumps) FROM (
        SELECT DISTINCT ON (dumps['dump']) dumps FROM lines WHERE dumps IS NOT NULL ORDER BY dumps['created_at'] DESC
    )
) AS new ANTI JOIN {old}.dumps AS old ON new.dump = old.dump AND old.created_at > new.created_at;
