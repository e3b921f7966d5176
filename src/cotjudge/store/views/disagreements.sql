-- Pairs of judges first: with a single judge there are none, and the large join ends before it begins.
CREATE VIEW disagreements AS
WITH judged AS (
    SELECT trace_id, rubric, judge, label FROM current_verdicts WHERE segment IS NULL
),
judges AS (
    SELECT DISTINCT rubric, judge FROM verdicts
),
pairs AS (
    SELECT one.rubric, one.judge AS one, other.judge AS other
    FROM judges AS one JOIN judges AS other ON one.rubric = other.rubric AND one.judge < other.judge
),
others AS MATERIALIZED (
    SELECT * FROM judged SEMI JOIN pairs ON pairs.rubric = judged.rubric AND pairs.other = judged.judge
)
SELECT
    a.trace_id, a.rubric, 'judges' AS kind, a.judge AS one, a.label AS one_label, b.judge AS other,
    b.label AS other_label,
    a.label NOT IN ('uncertain', 'unidentified') AND b.label NOT IN ('uncertain', 'unidentified') AS opposed
FROM judged AS a JOIN others AS b ON b.trace_id = a.trace_id AND b.rubric = a.rubric AND b.judge > a.judge
WHERE a.label <> b.label
UNION ALL
SELECT
    judged.trace_id, judged.rubric, 'label' AS kind, judged.judge AS one, judged.label AS one_label,
    labels.annotator AS other, labels.label AS other_label,
    judged.label NOT IN ('uncertain', 'unidentified') AND labels.label NOT IN ('uncertain', 'unidentified') AS opposed
FROM judged JOIN labels ON labels.trace_id = judged.trace_id AND labels.rubric = judged.rubric
WHERE judged.label <> labels.label;
COMMENT ON VIEW disagreements IS 'Where two judges differ about a trace, or a judge and a label: one row per trace, rubric and pair. Current verdicts on whole traces.';
COMMENT ON COLUMN disagreements.trace_id IS 'The trace.';
COMMENT ON COLUMN disagreements.rubric IS 'Rubric id.';
COMMENT ON COLUMN disagreements.kind IS 'judges (two judges differ), or label (a judge differs from a person or a gold file).';
COMMENT ON COLUMN disagreements.one IS 'The judge; of two, the first by name.';
COMMENT ON COLUMN disagreements.one_label IS 'What it says.';
COMMENT ON COLUMN disagreements.other IS 'The other judge, or the annotator.';
COMMENT ON COLUMN disagreements.other_label IS 'What that one says.';
COMMENT ON COLUMN disagreements.opposed IS 'Whether both are decided; false where one of them is uncertain or unidentified.';
