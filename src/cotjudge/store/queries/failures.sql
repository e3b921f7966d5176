-- What could not be judged and still has no verdict, by kind.
SELECT kind, rubric, judge, count(*) AS judgements, sum(calls)::BIGINT AS calls, min(reason) AS for_example
FROM current_failures
GROUP BY kind, rubric, judge
ORDER BY judgements DESC, kind, rubric, judge;
