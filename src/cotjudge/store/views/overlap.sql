CREATE VIEW overlap AS
WITH labels_of AS (
    SELECT
        trace_id, judge,
        any_value(label) FILTER (rubric = 'goal_directed_scheming') AS scheming,
        any_value(label) FILTER (rubric = 'persona_consistent_roleplay') AS roleplay,
        any_value(label) FILTER (rubric = 'stereotyped_ethical_phrasing') AS phrasing
    FROM current_verdicts
    WHERE segment IS NULL
        AND rubric IN ('goal_directed_scheming', 'persona_consistent_roleplay', 'stereotyped_ethical_phrasing')
    GROUP BY trace_id, judge
    HAVING count(*) = 3
),
counted AS (
    SELECT judge, scheming, roleplay, phrasing, count(*) AS traces FROM labels_of GROUP BY ALL
),
decided AS (
    SELECT
        judge, scheming = 'present' AS scheming, roleplay = 'present' AS roleplay, phrasing = 'present' AS phrasing, traces
    FROM counted WHERE scheming <> 'uncertain' AND roleplay <> 'uncertain' AND phrasing <> 'uncertain'
),
of_judge AS (
    SELECT
        judge, sum(traces) AS asked,
        coalesce(sum(traces) FILTER (scheming <> 'uncertain' AND roleplay <> 'uncertain' AND phrasing <> 'uncertain'), 0)
            AS decided
    FROM counted GROUP BY judge
),
cells AS (
    SELECT of_judge.*, s.yes AS scheming, r.yes AS roleplay, p.yes AS phrasing
    FROM of_judge
    CROSS JOIN (VALUES (true), (false)) AS s (yes)
    CROSS JOIN (VALUES (true), (false)) AS r (yes)
    CROSS JOIN (VALUES (true), (false)) AS p (yes)
)
SELECT
    cells.judge, cells.scheming, cells.roleplay, cells.phrasing, coalesce(decided.traces, 0)::BIGINT AS traces,
    coalesce(decided.traces, 0) / nullif(cells.decided, 0) AS share, cells.decided::BIGINT AS decided,
    (cells.asked - cells.decided)::BIGINT AS undecided
FROM cells LEFT JOIN decided USING (judge, scheming, roleplay, phrasing);
COMMENT ON VIEW overlap IS 'The 2x2x2 of the three labels, eight rows per judge, over the traces that it decided on all three. Current verdicts on whole traces.';
COMMENT ON COLUMN overlap.judge IS 'The judge as the user named it.';
COMMENT ON COLUMN overlap.scheming IS 'Whether goal_directed_scheming is present.';
COMMENT ON COLUMN overlap.roleplay IS 'Whether persona_consistent_roleplay is present.';
COMMENT ON COLUMN overlap.phrasing IS 'Whether stereotyped_ethical_phrasing is present.';
COMMENT ON COLUMN overlap.traces IS 'Traces in this cell.';
COMMENT ON COLUMN overlap.share IS 'traces / decided, 0 to 1; NULL where nothing is decided.';
COMMENT ON COLUMN overlap.decided IS 'Traces of this judge with all three labels present or absent; the same in its eight rows.';
COMMENT ON COLUMN overlap.undecided IS 'Traces with all three labels, at least one of them uncertain; they are in no cell.';
