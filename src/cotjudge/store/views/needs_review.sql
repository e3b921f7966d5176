CREATE VIEW needs_review AS
SELECT
    trace_id, rubric, judge, key, segment, label, score, agreement,
    list_filter([
        CASE WHEN label = 'uncertain' THEN 'uncertain' END,
        CASE WHEN agreement < 1 THEN 'split' END,
        CASE WHEN unverified > 0 THEN 'unverified' END,
        CASE WHEN injection_suspected THEN 'injection' END
    ], lambda reason: reason IS NOT NULL) AS reasons
FROM current_verdicts
WHERE label = 'uncertain' OR agreement < 1 OR unverified > 0 OR injection_suspected;
COMMENT ON VIEW needs_review IS 'Current verdicts that a person should look at, with the reasons.';
COMMENT ON COLUMN needs_review.trace_id IS 'The trace.';
COMMENT ON COLUMN needs_review.rubric IS 'Rubric id.';
COMMENT ON COLUMN needs_review.judge IS 'The judge as the user named it.';
COMMENT ON COLUMN needs_review.key IS 'The verdict.';
COMMENT ON COLUMN needs_review.segment IS 'The segment judged by itself; NULL where it was the trace.';
COMMENT ON COLUMN needs_review.label IS 'What the verdict says.';
COMMENT ON COLUMN needs_review.score IS 'Its score, 0 to 1, or NULL.';
COMMENT ON COLUMN needs_review.agreement IS 'Share of the opinions that gave the label, 0 to 1; NULL for a single answer.';
COMMENT ON COLUMN needs_review.reasons IS 'uncertain (the label), split (its opinions differ), unverified (a quote for an answer was not found), injection (a quote addressed the judge).';
