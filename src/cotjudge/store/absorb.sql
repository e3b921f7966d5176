-- The tables of another database, or of an export (the temporary views `incoming_<table>`), into ours, each row once.
-- The rules are those of merge.sql, said of whole tables: what is there stays, a child comes with its new parent only,
-- and runs, labels and dumps are left to replace.sql. A test holds the two together.

CREATE TEMP TABLE new_traces AS
SELECT trace_id FROM incoming_traces ANTI JOIN main.traces USING (trace_id);

INSERT INTO main.traces BY NAME FROM incoming_traces SEMI JOIN new_traces USING (trace_id);
INSERT INTO main.segments BY NAME FROM incoming_segments SEMI JOIN new_traces USING (trace_id);

INSERT INTO main.sources BY NAME
SELECT * REPLACE (again OR trace_id IN (SELECT trace_id FROM main.sources) AS again)
FROM incoming_sources ANTI JOIN main.sources USING (trace_id, path, record);

CREATE TEMP TABLE new_verdicts AS
SELECT key FROM incoming_verdicts ANTI JOIN main.verdicts USING (key);

INSERT INTO main.verdicts BY NAME FROM incoming_verdicts SEMI JOIN new_verdicts USING (key);
INSERT INTO main.criteria BY NAME FROM incoming_criteria SEMI JOIN new_verdicts USING (key);
INSERT INTO main.evidence BY NAME FROM incoming_evidence SEMI JOIN new_verdicts USING (key);

CREATE TEMP TABLE replaced AS
SELECT row, key FROM (
    SELECT rowid AS row, key, current, row_number() OVER newest AS place
    FROM main.verdicts
    SEMI JOIN (SELECT slot_number FROM incoming_verdicts SEMI JOIN new_verdicts USING (key)) USING (slot_number)
    WINDOW newest AS (PARTITION BY trace_id, segment, rubric, judge ORDER BY created_at DESC, key)
)
WHERE current AND place > 1;

INSERT INTO main.failures BY NAME FROM incoming_failures ANTI JOIN main.failures USING (key, run_id);

CREATE TEMP TABLE new_calls AS
SELECT DISTINCT key, run_id FROM incoming_calls ANTI JOIN main.calls USING (key, run_id);

INSERT INTO main.calls BY NAME FROM incoming_calls SEMI JOIN new_calls USING (key, run_id);

CREATE TEMP TABLE new_runs AS
FROM incoming_runs ANTI JOIN (FROM main.runs WHERE finished_at IS NOT NULL) USING (run_id);

CREATE TEMP TABLE new_labels AS
SELECT new.* FROM incoming_labels AS new ANTI JOIN main.labels AS old
    ON new.trace_id = old.trace_id AND new.rubric = old.rubric AND new.annotator = old.annotator
    AND old.created_at > new.created_at;

CREATE TEMP TABLE new_dumps AS
SELECT new.* FROM incoming_dumps AS new
ANTI JOIN main.dumps AS old ON new.dump = old.dump AND old.created_at > new.created_at;
