CREATE VIEW current_failures AS
SELECT * FROM failures ANTI JOIN verdicts USING (key)
QUALIFY row_number() OVER (PARTITION BY key ORDER BY created_at DESC, run_id) = 1;
COMMENT ON VIEW current_failures IS 'Judgements still without a verdict, each with its newest failure; the next run asks them again. Columns as in `failures`.';
