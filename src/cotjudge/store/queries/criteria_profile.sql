-- The answers to each criterion of a rubric, apart for each label.
-- param rubric = goal_directed_scheming: rubric id
-- param judge = '': only this judge; all where empty
SELECT
    current.judge, current.label, answers.criterion, count(*) AS traces,
    count(*) FILTER (answers.answer IN ('yes', 'main')) AS yes, count(*) FILTER (answers.answer = 'some') AS partly,
    count(*) FILTER (answers.answer IN ('no', 'none')) AS no,
    count(*) FILTER (answers.answer NOT IN ('yes', 'main', 'some', 'no', 'none')) AS cannot_tell,
    count(*) FILTER (answers.note <> '') AS overruled
FROM criteria AS answers JOIN current_verdicts AS current ON current.key = answers.key
WHERE answers.rubric = $rubric AND current.segment IS NULL AND ($judge = '' OR current.judge = $judge)
GROUP BY current.judge, current.label, answers.criterion
ORDER BY current.judge, current.label DESC, min(answers.ordinal), answers.criterion;
