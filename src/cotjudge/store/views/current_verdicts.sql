CREATE VIEW current_verdicts AS SELECT * FROM verdicts WHERE current;
COMMENT ON VIEW current_verdicts IS 'The newest verdict of each trace (or segment judged by itself), rubric and judge: what counts after a rubric, a prompt or a parameter changed. Columns as in `verdicts`.';
