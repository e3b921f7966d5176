-- Version 4 brought to a verdict what its trace's record says and whether it is current, to criteria and quotes what their
-- verdict says, and places in the trace. Lines of an older version lack them, too.
CREATE OR REPLACE TEMP MACRO number32(name) AS (md5_number_lower(name) & 4294967295)::UINTEGER;

UPDATE sources SET again = (
    rowid NOT IN (SELECT min(rowid) FROM sources GROUP BY trace_id)
) WHERE again IS NULL;

UPDATE verdicts SET
    key_number = number32(key), slot_number = number32(concat_ws(chr(0), trace_id, segment, rubric, judge)),
    current = rowid IN (SELECT rowid FROM verdicts QUALIFY row_number() OVER (
        PARTITION BY trace_id, segment, rubric, judge ORDER BY created_at DESC, key
    ) = 1)
WHERE current IS NULL OR key_number IS NULL;

UPDATE verdicts SET unverified = coalesce((
    SELECT count(*) FROM evidence
    WHERE evidence.key = verdicts.key AND NOT verified AND stance = 'for' AND NOT addresses_judge
), 0) WHERE unverified IS NULL;

UPDATE verdicts SET model = source.model, task = source.task, epoch = source.epoch, variant = source.variant
FROM sources AS source
WHERE source.trace_id = verdicts.trace_id AND NOT source.again AND verdicts.model IS NULL AND verdicts.task IS NULL
    AND verdicts.epoch IS NULL AND verdicts.variant IS NULL;

UPDATE verdicts SET position = (segment + 0.5) / greatest(traces.n_segments, 1)
FROM traces WHERE traces.trace_id = verdicts.trace_id AND segment IS NOT NULL AND position IS NULL;

UPDATE criteria SET
    judge = verdicts.judge, label = verdicts.label, whole = verdicts.segment IS NULL, current = verdicts.current
FROM verdicts WHERE verdicts.key = criteria.key AND (criteria.judge IS NULL OR criteria.current IS NULL);

UPDATE evidence SET
    judge = verdicts.judge, label = verdicts.label, whole = verdicts.segment IS NULL, current = verdicts.current
FROM verdicts WHERE verdicts.key = evidence.key AND (evidence.judge IS NULL OR evidence.current IS NULL);

UPDATE evidence SET position = (evidence.segment + start_char / greatest(segments.chars, 1)) / greatest(traces.n_segments, 1)
FROM segments, traces
WHERE segments.trace_id = evidence.trace_id AND segments.segment = evidence.segment
    AND traces.trace_id = evidence.trace_id AND evidence.position IS NULL AND start_char IS NOT NULL;
