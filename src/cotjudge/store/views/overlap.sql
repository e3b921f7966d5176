-- One number per trace and judge: a bit for each rubric's present, absent and other, found in one pass.
CREATE VIEW overlap AS
WITH labels_of AS (
    SELECT
        judge,
        bit_or(CASE label WHEN 'present' THEN 1 WHEN 'absent' THEN 2 ELSE 4 END << CASE rubric
            WHEN 'goal_directed_scheming' THEN 0 WHEN 'persona_consistent_roleplay' THEN 3 ELSE 6 END) AS bits
    FROM current_verdicts
    WHERE segment IS NULL
        AND rubric IN ('goal_directed_scheming', 'persona_consistent_roleplay', 'stereotyped_ethical_phrasing')
    GROUP BY trace_id, judge
),
counted AS (
    SELECT judge, bits & 7 AS scheming, (bits >> 3) & 7 AS roleplay, (bits >> 6) & 7 AS phrasing, count(*) AS traces
    FROM labels_of GROUP BY ALL
),
asked AS (
    SELECT *, scheming < 4 AND roleplay < 4 AND phrasing < 4 AS is_decided
    FROM counted WHERE scheming > 0 AND roleplay > 0 AND phrasing > 0
),
decided AS (
    SELECT judge, scheming = 1 AS scheming, roleplay = 1 AS roleplay, phrasing = 1 AS phrasing, traces
    FROM asked WHERE is_decided
),
of_judge AS (
    SELECT judge, sum(traces) AS asked, coalesce(sum(traces) FILTER (is_decided), 0) AS decided FROM asked GROUP BY judge
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
