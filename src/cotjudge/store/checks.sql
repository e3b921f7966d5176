-- What cannot be in a sound database. Each statement answers with the rows that are there all the same: one column that
-- names them. The comment before it is what is said about them.

-- verdicts: key is there more than once
SELECT key FROM verdicts GROUP BY key HAVING count(*) > 1;
-- traces: trace is there more than once
SELECT trace_id FROM traces GROUP BY trace_id HAVING count(*) > 1;
-- segments: segment is there more than once
SELECT concat_ws(' ', trace_id, segment) FROM segments GROUP BY trace_id, segment HAVING count(*) > 1;
-- sources: place is there more than once
SELECT concat_ws(' ', trace_id, path, record) FROM sources GROUP BY trace_id, path, record HAVING count(*) > 1;
-- criteria: answer is there more than once
SELECT concat_ws(' ', key, criterion) FROM criteria GROUP BY key, criterion HAVING count(*) > 1;
-- evidence: quote is there more than once
SELECT concat_ws(' ', key, ordinal) FROM evidence GROUP BY key, ordinal HAVING count(*) > 1;
-- failures: failure is there more than once
SELECT concat_ws(' ', key, run_id) FROM failures GROUP BY key, run_id HAVING count(*) > 1;
-- calls: call is there more than once
SELECT concat_ws(' ', key, run_id, ordinal) FROM calls GROUP BY key, run_id, ordinal HAVING count(*) > 1;
-- runs: run is there more than once
SELECT run_id FROM runs GROUP BY run_id HAVING count(*) > 1;
-- labels: label is there more than once
SELECT concat_ws(' ', trace_id, rubric, annotator) FROM labels GROUP BY trace_id, rubric, annotator HAVING count(*) > 1;
-- dumps: dump is there more than once
SELECT dump FROM dumps GROUP BY dump HAVING count(*) > 1;
-- verdicts: trace is not stored
SELECT key FROM verdicts ANTI JOIN traces USING (trace_id);
-- failures: trace is not stored
SELECT key FROM failures ANTI JOIN traces USING (trace_id);
-- segments: trace is not stored
SELECT DISTINCT trace_id FROM segments ANTI JOIN traces USING (trace_id);
-- sources: trace is not stored
SELECT DISTINCT trace_id FROM sources ANTI JOIN traces USING (trace_id);
-- criteria: verdict is not stored
SELECT DISTINCT key FROM criteria ANTI JOIN verdicts USING (key);
-- evidence: verdict is not stored
SELECT DISTINCT key FROM evidence ANTI JOIN verdicts USING (key);
-- calls: neither a verdict nor a failure has this key
SELECT DISTINCT key FROM calls ANTI JOIN verdicts USING (key) ANTI JOIN failures USING (key);
-- verdicts: run is not stored
SELECT key FROM verdicts ANTI JOIN runs USING (run_id);
-- dumps: run is not stored
SELECT dump FROM dumps ANTI JOIN runs USING (run_id);
-- traces: has another number of segments than it says
SELECT trace_id FROM traces LEFT JOIN (SELECT trace_id, count(*) AS found FROM segments GROUP BY trace_id) USING (trace_id)
WHERE n_segments <> coalesce(found, 0);
-- evidence: verified quote points outside its segment
SELECT concat_ws(' ', evidence.key, evidence.ordinal) FROM evidence LEFT JOIN segments USING (trace_id, segment)
WHERE verified AND (
    segments.chars IS NULL OR start_char IS NULL OR end_char IS NULL OR start_char < 0 OR end_char < start_char
    OR end_char > segments.chars
);
-- evidence: verified quote does not stand where it points
SELECT concat_ws(' ', evidence.key, evidence.ordinal) FROM evidence JOIN segments USING (trace_id, segment)
WHERE verified AND match = 'exact' AND end_char BETWEEN start_char AND segments.chars
    AND segments.text[start_char + 1 : end_char] <> quote;
-- verdicts: columns of today are empty, as an older cotjudge left them; fill them with: cotjudge db migrate
SELECT key FROM verdicts WHERE windows IS NULL OR quoted IS NULL OR samples IS NULL OR current IS NULL;
-- verdicts: newest of its trace, rubric and judge is not marked current, or another one is
SELECT key FROM verdicts
QUALIFY current <> (row_number() OVER (PARTITION BY trace_id, segment, rubric, judge ORDER BY created_at DESC, key) = 1);
-- criteria: says something else than its verdict
SELECT DISTINCT key FROM criteria JOIN verdicts USING (key)
WHERE (criteria.judge, criteria.label, criteria.current, criteria.whole)
    IS DISTINCT FROM (verdicts.judge, verdicts.label, verdicts.current, verdicts.segment IS NULL);
-- evidence: says something else than its verdict
SELECT DISTINCT key FROM evidence JOIN verdicts USING (key)
WHERE (evidence.judge, evidence.label, evidence.current, evidence.whole)
    IS DISTINCT FROM (verdicts.judge, verdicts.label, verdicts.current, verdicts.segment IS NULL);
-- sources: not exactly one row of a trace is the first
SELECT trace_id FROM sources GROUP BY trace_id HAVING count(*) FILTER (NOT again) <> 1;
-- labels: nothing was judged by this rubric, and cotjudge has none of that name
SELECT DISTINCT rubric FROM labels
ANTI JOIN (
    SELECT rubric FROM verdicts UNION ALL SELECT unnest(json_keys(rubrics)) FROM runs UNION ALL SELECT unnest($rubrics)
) USING (rubric);
-- runs: still said to be running, but its process is gone
SELECT run_id FROM runs WHERE status = 'running' AND NOT list_contains($alive, run_id);
