CREATE VIEW attribution_summary AS
SELECT
    judge, criterion AS ground, count(*) AS traces, count(*) FILTER (answer = 'main') AS main,
    count(*) FILTER (answer = 'main' AND label = 'single') AS alone,
    count(*) FILTER (answer = 'some') AS partly, count(*) FILTER (answer = 'none') AS none,
    count(*) FILTER (answer NOT IN ('main', 'some', 'none')) AS cannot_tell,
    count(*) FILTER (answer = 'main') / count(*) AS share_main
FROM criteria
WHERE rubric = 'attribution' AND current AND whole
GROUP BY judge, criterion;
COMMENT ON VIEW attribution_summary IS 'What accounts for the actions: per judge and ground of the rubric `attribution`, how often it is what. A trace can have two main grounds. Current verdicts on whole traces.';
COMMENT ON COLUMN attribution_summary.judge IS 'The judge as the user named it.';
COMMENT ON COLUMN attribution_summary.ground IS 'The ground: goal, persona, cliche, instruction, reward_or_grader, confusion.';
COMMENT ON COLUMN attribution_summary.traces IS 'Traces judged.';
COMMENT ON COLUMN attribution_summary.main IS 'Traces in which this ground alone predicts the action.';
COMMENT ON COLUMN attribution_summary.alone IS 'Of these, traces in which no other ground does (label single).';
COMMENT ON COLUMN attribution_summary.partly IS 'Traces in which it is at work, but would not have been enough.';
COMMENT ON COLUMN attribution_summary.none IS 'Traces in which it does no work.';
COMMENT ON COLUMN attribution_summary.cannot_tell IS 'Traces that do not tell.';
COMMENT ON COLUMN attribution_summary.share_main IS 'main / traces, 0 to 1.';
