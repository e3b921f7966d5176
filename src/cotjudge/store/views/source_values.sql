CREATE VIEW source_values AS
SELECT trace_id, 'format' AS "by", format AS value, again FROM sources
UNION ALL
SELECT trace_id, 'meta.' || name AS "by", content ->> '$' AS value, again
FROM (
    SELECT trace_id, again, name, json_extract(meta, '/' || replace(replace(name, '~', '~0'), '/', '~1')) AS content
    FROM (SELECT trace_id, again, meta, unnest(json_keys(meta)) AS name FROM sources)
)
WHERE json_type(content) NOT IN ('OBJECT', 'ARRAY', 'NULL');
COMMENT ON VIEW source_values IS 'What sources say besides their promoted columns: one row per source and key, for grouping by any of them.';
COMMENT ON COLUMN source_values.trace_id IS 'The trace.';
COMMENT ON COLUMN source_values."by" IS 'format, or meta.KEY for a key of `sources.meta` with a text, number or truth value.';
COMMENT ON COLUMN source_values.value IS 'Its value, as text.';
COMMENT ON COLUMN source_values.again IS 'Whether the trace had been found elsewhere before.';
