-- The last runs: what was asked, judged, found there already, failed and paid.
-- param limit = 20: rows at most
SELECT run_id, started_at, status, judge, traces, judgements, judged, cached, failed, round(seconds, 1) AS seconds, cost_usd
FROM runs
ORDER BY started_at DESC, run_id
LIMIT $limit;
