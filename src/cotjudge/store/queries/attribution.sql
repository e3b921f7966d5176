-- What accounts for the actions: how often each ground alone predicts them.
-- param judge = '': only this judge; all where empty
SELECT judge, ground, traces, main, alone, partly, none, cannot_tell, round(share_main, 3) AS share_main
FROM attribution_summary
WHERE $judge = '' OR judge = $judge
ORDER BY judge, main DESC, ground;
