-- What newer rows replace: verdicts that are history now, and the old rows of runs, labels and dumps.
UPDATE verdicts SET current = false WHERE rowid IN (SELECT row FROM replaced WHERE row IS NOT NULL);
UPDATE criteria SET current = false WHERE key IN (SELECT key FROM replaced WHERE row IS NOT NULL);
UPDATE evidence SET current = false WHERE key IN (SELECT key FROM replaced WHERE row IS NOT NULL);

-- The newest line of each run, label and dump takes the place of the old row.
MERGE INTO runs USING new_runs AS new ON runs.run_id = new.run_id
WHEN MATCHED THEN UPDATE BY NAME
WHEN NOT MATCHED THEN INSERT BY NAME;

MERGE INTO labels USING new_labels AS new
ON labels.trace_id = new.trace_id AND labels.rubric = new.rubric AND labels.annotator = new.annotator
WHEN MATCHED THEN UPDATE BY NAME
WHEN NOT MATCHED THEN INSERT BY NAME;

MERGE INTO dumps USING new_dumps AS new ON dumps.dump = new.dump
WHEN MATCHED THEN UPDATE BY NAME
WHEN NOT MATCHED THEN INSERT BY NAME;
