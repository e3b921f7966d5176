-- How much of the text the judge saw: verdicts made in windows, or of a part.
-- param judge = '': only this judge; all where empty
SELECT
    rubric, judge, count(*) AS verdicts, count(*) FILTER (windows > 1) AS in_windows,
    count(*) FILTER (coverage < 1) AS partial, round(min(coverage), 3) AS least_coverage, max(windows) AS most_windows
FROM current_verdicts
WHERE $judge = '' OR judge = $judge
GROUP BY rubric, judge
ORDER BY partial DESC, in_windows DESC, rubric, judge;
