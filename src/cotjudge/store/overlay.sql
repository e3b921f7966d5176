-- What journals hold and the file does not, over the file's tables: temporary views under the tables' own names.
-- Temporary, for they are then one connection's own and go with it; the file stays as it is.
-- {file} is the file's schema, {but_replaced} takes `current` from what the journals have replaced, where there is such.

CREATE TEMP TABLE journal_replaced AS SELECT key FROM replaced WHERE row IS NOT NULL;

CREATE TEMP VIEW traces AS FROM {file}.traces UNION ALL BY NAME FROM temp.journal_traces;
CREATE TEMP VIEW segments AS FROM {file}.segments UNION ALL BY NAME FROM temp.journal_segments;
CREATE TEMP VIEW sources AS FROM {file}.sources UNION ALL BY NAME FROM temp.journal_sources;
CREATE TEMP VIEW verdicts AS SELECT * {but_replaced} FROM {file}.verdicts UNION ALL BY NAME FROM temp.journal_verdicts;
CREATE TEMP VIEW criteria AS SELECT * {but_replaced} FROM {file}.criteria UNION ALL BY NAME FROM temp.journal_criteria;
CREATE TEMP VIEW evidence AS SELECT * {but_replaced} FROM {file}.evidence UNION ALL BY NAME FROM temp.journal_evidence;
CREATE TEMP VIEW failures AS FROM {file}.failures UNION ALL BY NAME FROM temp.journal_failures;
CREATE TEMP VIEW calls AS FROM {file}.calls UNION ALL BY NAME FROM temp.journal_calls;

CREATE TEMP TABLE journal_runs AS FROM new_runs;
CREATE TEMP VIEW runs AS
FROM {file}.runs ANTI JOIN temp.journal_runs USING (run_id) UNION ALL BY NAME FROM temp.journal_runs;

CREATE TEMP TABLE journal_labels AS FROM new_labels;
CREATE TEMP VIEW labels AS
FROM {file}.labels ANTI JOIN temp.journal_labels USING (trace_id, rubric, annotator)
UNION ALL BY NAME FROM temp.journal_labels;

CREATE TEMP TABLE journal_dumps AS FROM new_dumps;
CREATE TEMP VIEW dumps AS
FROM {file}.dumps ANTI JOIN temp.journal_dumps USING (dump) UNION ALL BY NAME FROM temp.journal_dumps;

DROP TABLE lines;
DROP TABLE new_traces;
DROP TABLE new_sources;
DROP TABLE named;
DROP TABLE numbered_alike;
DROP TABLE new_verdicts;
DROP TABLE arrived;
DROP TABLE placed_alike;
DROP TABLE replaced;
DROP TABLE new_failures;
DROP TABLE new_calls;
DROP TABLE new_runs;
DROP TABLE new_labels;
DROP TABLE new_dumps;
