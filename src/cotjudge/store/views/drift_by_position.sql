CREATE VIEW drift_by_position AS
WITH asked_per_segment AS (
    SELECT DISTINCT rubric, judge FROM verdicts WHERE segment IS NOT NULL
),
counted AS (
    SELECT
        rubric, judge, 'segments' AS basis, least(10, 1 + floor(10 * position))::INTEGER AS decile, count(*) AS n,
        count(*) FILTER (label = 'present') AS present, count(*) FILTER (label = 'absent') AS absent
    FROM current_verdicts WHERE segment IS NOT NULL AND position IS NOT NULL
    GROUP BY ALL
    UNION ALL
    SELECT
        rubric, judge, 'evidence' AS basis, least(10, 1 + floor(10 * position))::INTEGER AS decile, count(*) AS n,
        NULL AS present, NULL AS absent
    FROM evidence ANTI JOIN asked_per_segment USING (rubric, judge)
    WHERE current AND whole AND label = 'present' AND verified AND stance = 'for' AND position IS NOT NULL
    GROUP BY ALL
)
SELECT
    rubric, judge, basis, decile, n, present, absent, present / nullif(present + absent, 0) AS share,
    n / sum(n) OVER (PARTITION BY rubric, judge, basis) AS share_of_n
FROM counted;
COMMENT ON VIEW drift_by_position IS 'Where in a trace it happens, by tenths of its segments: labels of segments judged by themselves (--per-segment), and for a rubric and judge without these the verified quotes of whole traces labelled present. Current verdicts.';
COMMENT ON COLUMN drift_by_position.rubric IS 'Rubric id.';
COMMENT ON COLUMN drift_by_position.judge IS 'The judge as the user named it.';
COMMENT ON COLUMN drift_by_position.basis IS 'segments (verdicts on single segments), or evidence (positions of quotes: where present traces show it, not how often).';
COMMENT ON COLUMN drift_by_position.decile IS '1 (the first tenth of the trace''s segments) to 10 (the last).';
COMMENT ON COLUMN drift_by_position.n IS 'Segments judged there, or quotes found there.';
COMMENT ON COLUMN drift_by_position.present IS 'Segments labelled present; NULL on evidence.';
COMMENT ON COLUMN drift_by_position.absent IS 'Segments labelled absent; NULL on evidence.';
COMMENT ON COLUMN drift_by_position.share IS 'present / (present + absent), 0 to 1; NULL on evidence.';
COMMENT ON COLUMN drift_by_position.share_of_n IS 'n as a share of all n of this rubric, judge and basis, 0 to 1.';
