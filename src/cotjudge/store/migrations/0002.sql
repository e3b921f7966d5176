-- Version 2 brought windows, votes, panels and cascades, segments judged by themselves, and the ledger. What was judged
-- before was judged whole, by one opinion that gave quotes; its ledger was not kept, and `calls` stays empty.

UPDATE verdicts SET
    windows = coalesce(windows, 1), quoted = coalesce(quoted, true), score_kind = coalesce(score_kind, 'criteria'),
    samples = coalesce(samples, 1), votes = coalesce(votes, '{}'), opinions = coalesce(opinions, '[]'),
    settled_by = coalesce(settled_by, '')
WHERE windows IS NULL OR quoted IS NULL OR score_kind IS NULL OR samples IS NULL OR votes IS NULL OR opinions IS NULL
    OR settled_by IS NULL;

-- A run did not count them, but each of its judgements did.
UPDATE runs SET cached_tokens = coalesce((
    SELECT sum(spent.cached_tokens) FROM (
        SELECT run_id, cached_tokens FROM verdicts UNION ALL SELECT run_id, cached_tokens FROM failures
    ) AS spent
    WHERE spent.run_id = runs.run_id
), 0)
WHERE cached_tokens IS NULL;
