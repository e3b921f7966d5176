-- Every place where a trace was found.
-- param trace: id of the trace, or the beginning of it
SELECT trace_id, path, record, format, model, task, epoch, variant, meta
FROM sources
WHERE starts_with(trace_id, $trace)
ORDER BY trace_id, path, record;
