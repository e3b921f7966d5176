-- The tables. A table's and a column's comment is its documentation: docs/schema.md is made from them. Views are in views/.
-- No table has an index: a merge is alone with the file and looks for itself what is there already. Measured at a million
-- verdicts, 500 more take 150 ms so, and 350 ms with one primary key (on verdicts), in a file half as large again.
-- Some columns are there so that a question about ten million verdicts is one scan and no join: what a trace's record says
-- of itself stands with its verdicts, and what a verdict says with its criteria and quotes.
-- Times are UTC without a zone. Texts of any length are compressed with zstd.

CREATE TABLE store_info (schema_version INTEGER, cotjudge_version VARCHAR, created_at TIMESTAMP);
COMMENT ON TABLE store_info IS 'One row: how this file was made.';
COMMENT ON COLUMN store_info.schema_version IS 'Version of the tables; a file with a newer one than cotjudge knows is refused.';
COMMENT ON COLUMN store_info.cotjudge_version IS 'Version of cotjudge that created the file.';
COMMENT ON COLUMN store_info.created_at IS 'When it did (UTC).';

CREATE TABLE traces (
    trace_id VARCHAR, turns JSON USING COMPRESSION zstd, n_turns INTEGER, n_segments INTEGER, reasoning_chars BIGINT,
    has_reasoning BOOLEAN, reasoning_kind VARCHAR, text_hash VARCHAR, first_seen_run VARCHAR, created_at TIMESTAMP
);
COMMENT ON TABLE traces IS 'What was judged: one row per distinct content. Where it was found stands in `sources`.';
COMMENT ON COLUMN traces.trace_id IS 'Hash of everything a judge can see of the trace; 32 hex digits.';
COMMENT ON COLUMN traces.turns IS 'The transcript: a list of turns with role, reasoning, reasoning_kind, content, tool_calls, id. NULL with --no-text.';
COMMENT ON COLUMN traces.n_turns IS 'Number of turns.';
COMMENT ON COLUMN traces.n_segments IS 'Number of rows in `segments`.';
COMMENT ON COLUMN traces.reasoning_chars IS 'Characters (code points) of readable reasoning by the assistant.';
COMMENT ON COLUMN traces.has_reasoning IS 'Whether there are any.';
COMMENT ON COLUMN traces.reasoning_kind IS 'The best kind of reasoning in it: full, summary (a provider''s summary), redacted (unreadable), or none.';
COMMENT ON COLUMN traces.text_hash IS 'SHA-256 (64 hex digits) of the assistant''s reasoning in UTF-8, passages joined by a blank line: the same wherever the trace was found, and for everybody who has the text.';
COMMENT ON COLUMN traces.first_seen_run IS 'The run that stored it first.';
COMMENT ON COLUMN traces.created_at IS 'When it was stored (UTC).';

CREATE TABLE sources (
    trace_id VARCHAR, path VARCHAR, record VARCHAR, format VARCHAR, model VARCHAR, task VARCHAR, epoch BIGINT,
    variant VARCHAR, meta JSON, again BOOLEAN, run_id VARCHAR
);
COMMENT ON TABLE sources IS 'Where a trace was found: one row per trace, dump file and record.';
COMMENT ON COLUMN sources.trace_id IS 'The trace.';
COMMENT ON COLUMN sources.path IS 'The dump file as the user named it; `-` for standard input.';
COMMENT ON COLUMN sources.record IS 'Which record of it: a 1-based line number or index, or the name of an archive''s member.';
COMMENT ON COLUMN sources.format IS 'The reader that read it.';
COMMENT ON COLUMN sources.model IS 'The model that wrote the trace, as the dump names it.';
COMMENT ON COLUMN sources.task IS 'Task, benchmark or scenario, as the dump names it.';
COMMENT ON COLUMN sources.epoch IS 'Number of the repetition, where the dump counts them.';
COMMENT ON COLUMN sources.variant IS 'Which variant of the task, where the record''s metadata has a `variant`, `condition` or `arm`.';
COMMENT ON COLUMN sources.meta IS 'Anything else the record says: `meta->>''scenario''`.';
COMMENT ON COLUMN sources.again IS 'Whether the trace had been found elsewhere before: false for one row of each trace.';
COMMENT ON COLUMN sources.run_id IS 'The run that found it first.';

CREATE TABLE segments (
    trace_id VARCHAR, segment INTEGER, turn INTEGER, role VARCHAR, part VARCHAR, text VARCHAR USING COMPRESSION zstd,
    chars BIGINT
);
COMMENT ON TABLE segments IS 'The passages of a trace, in reading order; quotes point into them.';
COMMENT ON COLUMN segments.trace_id IS 'The trace.';
COMMENT ON COLUMN segments.segment IS '0-based position among the trace''s segments.';
COMMENT ON COLUMN segments.turn IS '0-based position of its turn.';
COMMENT ON COLUMN segments.role IS 'The turn''s role: system, user, assistant, tool, or the record''s own word.';
COMMENT ON COLUMN segments.part IS 'reasoning, content or tool_call.';
COMMENT ON COLUMN segments.text IS 'The passage, unchanged. NULL with --no-text.';
COMMENT ON COLUMN segments.chars IS 'Its length in characters (code points).';

CREATE TABLE verdicts (
    key VARCHAR, trace_id VARCHAR, rubric VARCHAR, rubric_version VARCHAR, rubric_hash VARCHAR, judge VARCHAR,
    judge_hash VARCHAR, prompt_version VARCHAR, label VARCHAR, score DOUBLE, severity VARCHAR, derived JSON,
    rationale VARCHAR, fields JSON, injection_suspected BOOLEAN, calls BIGINT, input_tokens BIGINT, cached_tokens BIGINT,
    output_tokens BIGINT, reasoning_tokens BIGINT, cost_usd DOUBLE, latency_s DOUBLE, segment INTEGER, coverage DOUBLE,
    windows INTEGER, quoted BOOLEAN, score_kind VARCHAR, samples INTEGER, votes JSON, agreement DOUBLE, opinions JSON,
    settled_by VARCHAR, model VARCHAR, task VARCHAR, epoch BIGINT, variant VARCHAR, position DOUBLE, run_id VARCHAR,
    created_at TIMESTAMP, unverified INTEGER, current BOOLEAN, key_number UINTEGER, slot_number UINTEGER
);
COMMENT ON TABLE verdicts IS 'One row per judgement: a trace (or one segment of it), a rubric, a judge.';
COMMENT ON COLUMN verdicts.key IS 'Judgement key: everything that can change this verdict, hashed; unique.';
COMMENT ON COLUMN verdicts.trace_id IS 'The trace.';
COMMENT ON COLUMN verdicts.rubric IS 'Rubric id.';
COMMENT ON COLUMN verdicts.rubric_version IS 'The rubric''s own version.';
COMMENT ON COLUMN verdicts.rubric_hash IS 'Hash of the part of the rubric that this judge reads.';
COMMENT ON COLUMN verdicts.judge IS 'The judge as the user named it.';
COMMENT ON COLUMN verdicts.judge_hash IS 'Hash of the judge''s identity: model, parameters, samples.';
COMMENT ON COLUMN verdicts.prompt_version IS 'Version of the prompt; empty for a judge without one.';
COMMENT ON COLUMN verdicts.label IS 'What the rubric''s rule gives: present, absent, uncertain, or the rubric''s own label.';
COMMENT ON COLUMN verdicts.score IS '0 to 1, orders traces; a probability only where `score_kind` is calibrated. NULL where the rubric weighs nothing.';
COMMENT ON COLUMN verdicts.severity IS 'The rubric''s level of severity, or NULL.';
COMMENT ON COLUMN verdicts.derived IS 'The rubric''s derived expressions by name: true, false, or null where undecided.';
COMMENT ON COLUMN verdicts.rationale IS 'The judge''s short reasoning, in its own words.';
COMMENT ON COLUMN verdicts.fields IS 'The rubric''s extra fields by name: `fields->>''persona''`.';
COMMENT ON COLUMN verdicts.injection_suspected IS 'Whether a quote addressed the judge.';
COMMENT ON COLUMN verdicts.calls IS 'Requests that were answered, re-asks and samples included.';
COMMENT ON COLUMN verdicts.input_tokens IS 'Prompt tokens, cached ones included.';
COMMENT ON COLUMN verdicts.cached_tokens IS 'Prompt tokens that the provider served from its cache.';
COMMENT ON COLUMN verdicts.output_tokens IS 'Completion tokens, reasoning tokens included.';
COMMENT ON COLUMN verdicts.reasoning_tokens IS 'Completion tokens that the judge spent on its own reasoning.';
COMMENT ON COLUMN verdicts.cost_usd IS 'US dollars; NULL where the price of the model is not known.';
COMMENT ON COLUMN verdicts.latency_s IS 'Seconds from the first request to the usable answer.';
COMMENT ON COLUMN verdicts.segment IS 'The one segment that was judged by itself (--per-segment); NULL where it was the trace.';
COMMENT ON COLUMN verdicts.coverage IS 'Share of the judged text''s characters that the judge saw, 0 to 1.';
COMMENT ON COLUMN verdicts.windows IS 'Windows that a long trace was judged in; 1 where it was judged whole.';
COMMENT ON COLUMN verdicts.quoted IS 'Whether this judge gives quotes at all; where it does not, no answer rests on checked evidence.';
COMMENT ON COLUMN verdicts.score_kind IS 'What the score is made of: criteria (weighted share met), votes, logprobs, decisions, calibrated (a probability of the label, fitted).';
COMMENT ON COLUMN verdicts.samples IS 'Opinions asked for: draws of the judge, members of a panel, tiers of a cascade; 1 otherwise.';
COMMENT ON COLUMN verdicts.votes IS 'Label -> opinions that gave it; empty for a single answer.';
COMMENT ON COLUMN verdicts.agreement IS 'Share of the opinions had that gave this label, 0 to 1; NULL for a single answer.';
COMMENT ON COLUMN verdicts.opinions IS 'The opinions it is made of: a list of judge, key, label, score, answers, rationale. A member''s own verdict is the row with that key.';
COMMENT ON COLUMN verdicts.settled_by IS 'The tier whose opinion stands, in a cascade; empty otherwise.';
COMMENT ON COLUMN verdicts.model IS 'The model that wrote the trace, as the record says that it was judged for. Where else the trace was found stands in `sources`.';
COMMENT ON COLUMN verdicts.task IS 'Task, benchmark or scenario, likewise.';
COMMENT ON COLUMN verdicts.epoch IS 'Number of the repetition, likewise.';
COMMENT ON COLUMN verdicts.variant IS 'Which variant of the task, likewise.';
COMMENT ON COLUMN verdicts.position IS 'Where in the trace the middle of that one segment is, 0 to 1; NULL where the whole trace was judged.';
COMMENT ON COLUMN verdicts.run_id IS 'The run that made it.';
COMMENT ON COLUMN verdicts.created_at IS 'When (UTC).';
COMMENT ON COLUMN verdicts.unverified IS 'Quotes given for an answer that were not found; of those that address the judge, `injection_suspected` tells.';
COMMENT ON COLUMN verdicts.current IS 'Whether it is the newest of its trace (or segment), rubric and judge; the others are history.';
COMMENT ON COLUMN verdicts.key_number IS '32 bits of a hash of `key`: a merge looks here first for what it has already.';
COMMENT ON COLUMN verdicts.slot_number IS '32 bits of a hash of trace, segment, rubric and judge: a merge looks here first for what is not current any more.';

CREATE TABLE criteria (
    key VARCHAR, trace_id VARCHAR, rubric VARCHAR, judge VARCHAR, label VARCHAR, whole BOOLEAN, current BOOLEAN,
    ordinal INTEGER, criterion VARCHAR, answer VARCHAR, given VARCHAR, note VARCHAR
);
COMMENT ON TABLE criteria IS 'The answer to each criterion of a verdict.';
COMMENT ON COLUMN criteria.key IS 'The verdict.';
COMMENT ON COLUMN criteria.trace_id IS 'The trace.';
COMMENT ON COLUMN criteria.rubric IS 'Rubric id.';
COMMENT ON COLUMN criteria.judge IS 'The judge as the user named it.';
COMMENT ON COLUMN criteria.label IS 'The verdict''s label.';
COMMENT ON COLUMN criteria.whole IS 'Whether the verdict is on the whole trace, and not on one segment by itself.';
COMMENT ON COLUMN criteria.current IS 'Whether the verdict is current.';
COMMENT ON COLUMN criteria.ordinal IS '0-based position in the rubric.';
COMMENT ON COLUMN criteria.criterion IS 'Criterion id.';
COMMENT ON COLUMN criteria.answer IS 'The answer that counts, after its quotes were checked.';
COMMENT ON COLUMN criteria.given IS 'The answer that the judge gave.';
COMMENT ON COLUMN criteria.note IS 'Why the two differ; empty where they do not.';

CREATE TABLE evidence (
    key VARCHAR, trace_id VARCHAR, rubric VARCHAR, judge VARCHAR, label VARCHAR, whole BOOLEAN, current BOOLEAN,
    ordinal INTEGER, criterion VARCHAR, stance VARCHAR, quote VARCHAR, verified BOOLEAN, match VARCHAR, segment INTEGER,
    turn INTEGER, part VARCHAR, start_char BIGINT, end_char BIGINT, position DOUBLE, addresses_judge BOOLEAN, note VARCHAR
);
COMMENT ON TABLE evidence IS 'Every quote that a judge gave; only a verified one is evidence.';
COMMENT ON COLUMN evidence.key IS 'The verdict.';
COMMENT ON COLUMN evidence.trace_id IS 'The trace.';
COMMENT ON COLUMN evidence.rubric IS 'Rubric id.';
COMMENT ON COLUMN evidence.judge IS 'The judge as the user named it.';
COMMENT ON COLUMN evidence.label IS 'The verdict''s label.';
COMMENT ON COLUMN evidence.whole IS 'Whether the verdict is on the whole trace, and not on one segment by itself.';
COMMENT ON COLUMN evidence.current IS 'Whether the verdict is current.';
COMMENT ON COLUMN evidence.ordinal IS '0-based position among the verdict''s quotes.';
COMMENT ON COLUMN evidence.criterion IS 'The criterion it was given for.';
COMMENT ON COLUMN evidence.stance IS 'for (the answer), or against (the strongest counter-evidence).';
COMMENT ON COLUMN evidence.quote IS 'The quote as the judge gave it.';
COMMENT ON COLUMN evidence.verified IS 'Whether it was found where this criterion''s quotes may stand.';
COMMENT ON COLUMN evidence.match IS 'exact, or normalised (white space, Unicode compatibility, quotation marks and dashes folded).';
COMMENT ON COLUMN evidence.segment IS 'The segment that it was found in.';
COMMENT ON COLUMN evidence.turn IS 'That segment''s turn.';
COMMENT ON COLUMN evidence.part IS 'reasoning, content or tool_call.';
COMMENT ON COLUMN evidence.start_char IS 'Offset of its first character in the segment''s text (code points, from 0).';
COMMENT ON COLUMN evidence.end_char IS 'Offset past its last character: `text[start_char + 1 : end_char]` in SQL.';
COMMENT ON COLUMN evidence.position IS 'Where in the trace it begins, 0 to 1: segments before it, and its place in its own, by the trace''s segments.';
COMMENT ON COLUMN evidence.addresses_judge IS 'Whether it talks to the judge; such a quote is never evidence.';
COMMENT ON COLUMN evidence.note IS 'Why it is no evidence; empty where it is.';

CREATE TABLE failures (
    key VARCHAR, trace_id VARCHAR, rubric VARCHAR, judge VARCHAR, kind VARCHAR, reason VARCHAR, calls BIGINT,
    input_tokens BIGINT, cached_tokens BIGINT, output_tokens BIGINT, reasoning_tokens BIGINT, cost_usd DOUBLE,
    latency_s DOUBLE, segment INTEGER, run_id VARCHAR, created_at TIMESTAMP
);
COMMENT ON TABLE failures IS 'Judgements that could not be had, one row per judgement and run; never deleted. See `current_failures`.';
COMMENT ON COLUMN failures.key IS 'Judgement key.';
COMMENT ON COLUMN failures.trace_id IS 'The trace.';
COMMENT ON COLUMN failures.rubric IS 'Rubric id.';
COMMENT ON COLUMN failures.judge IS 'The judge as the user named it.';
COMMENT ON COLUMN failures.kind IS 'refused, truncated, unparseable, over_context, rate_limited, unavailable or auth.';
COMMENT ON COLUMN failures.reason IS 'One line for people.';
COMMENT ON COLUMN failures.calls IS 'Requests that were answered.';
COMMENT ON COLUMN failures.input_tokens IS 'Prompt tokens spent all the same, cached ones included.';
COMMENT ON COLUMN failures.cached_tokens IS 'Prompt tokens that the provider served from its cache.';
COMMENT ON COLUMN failures.output_tokens IS 'Completion tokens, reasoning tokens included.';
COMMENT ON COLUMN failures.reasoning_tokens IS 'Completion tokens that the judge spent on its own reasoning.';
COMMENT ON COLUMN failures.cost_usd IS 'US dollars; NULL where the price of the model is not known.';
COMMENT ON COLUMN failures.latency_s IS 'Seconds spent.';
COMMENT ON COLUMN failures.segment IS 'The one segment that was to be judged by itself; NULL where it was the trace.';
COMMENT ON COLUMN failures.run_id IS 'The run in which it failed.';
COMMENT ON COLUMN failures.created_at IS 'When (UTC).';

CREATE TABLE calls (
    key VARCHAR, trace_id VARCHAR, rubric VARCHAR, judge VARCHAR, run_id VARCHAR, ordinal INTEGER, model VARCHAR,
    outcome VARCHAR, batch BOOLEAN, shared_by INTEGER, input_tokens BIGINT, cached_tokens BIGINT, output_tokens BIGINT,
    reasoning_tokens BIGINT, cost_usd DOUBLE, latency_s DOUBLE, created_at TIMESTAMP
);
COMMENT ON TABLE calls IS 'The ledger: every request that was answered, also where its answer could not be used. Sums here are what was spent.';
COMMENT ON COLUMN calls.key IS 'The judgement that it was made for: a verdict''s or a failure''s key.';
COMMENT ON COLUMN calls.trace_id IS 'The trace.';
COMMENT ON COLUMN calls.rubric IS 'Rubric id.';
COMMENT ON COLUMN calls.judge IS 'The judge as the user named it.';
COMMENT ON COLUMN calls.run_id IS 'The run that made it.';
COMMENT ON COLUMN calls.ordinal IS '0-based position among the calls of its judgement in this run.';
COMMENT ON COLUMN calls.model IS 'The model asked, as litellm names it.';
COMMENT ON COLUMN calls.outcome IS 'used, or unusable (refused, cut off, not fitting the schema).';
COMMENT ON COLUMN calls.batch IS 'Whether it went through a provider''s batch interface.';
COMMENT ON COLUMN calls.shared_by IS 'Judgements that share the request (--bundle); each has a row with its share of tokens and cost.';
COMMENT ON COLUMN calls.input_tokens IS 'Prompt tokens, cached ones included.';
COMMENT ON COLUMN calls.cached_tokens IS 'Prompt tokens that the provider served from its cache.';
COMMENT ON COLUMN calls.output_tokens IS 'Completion tokens, reasoning tokens included.';
COMMENT ON COLUMN calls.reasoning_tokens IS 'Completion tokens that the judge spent on its own reasoning.';
COMMENT ON COLUMN calls.cost_usd IS 'US dollars; NULL where the price of the model is not known.';
COMMENT ON COLUMN calls.latency_s IS 'Seconds until the answer.';
COMMENT ON COLUMN calls.created_at IS 'When it was answered (UTC).';

CREATE TABLE runs (
    run_id VARCHAR, started_at TIMESTAMP, finished_at TIMESTAMP, status VARCHAR, version VARCHAR, arguments JSON,
    judge VARCHAR, judge_identity JSON, rubrics JSON, traces BIGINT, no_reasoning BIGINT, skipped_records BIGINT,
    judgements BIGINT, judged BIGINT, cached BIGINT, failed BIGINT, calls BIGINT, input_tokens BIGINT,
    cached_tokens BIGINT, output_tokens BIGINT, cost_usd DOUBLE, seconds DOUBLE
);
COMMENT ON TABLE runs IS 'Every invocation of scoring. Its counts are zero until it ends.';
COMMENT ON COLUMN runs.run_id IS 'Unique.';
COMMENT ON COLUMN runs.started_at IS 'When it started (UTC).';
COMMENT ON COLUMN runs.finished_at IS 'When it ended (UTC); NULL while it runs, and for ever if its process was killed.';
COMMENT ON COLUMN runs.status IS 'running, finished, interrupted (by the user, or killed), budget (it was reached), submitted (as a provider''s batch, which cotjudge batch looks after) or stopped (by an error).';
COMMENT ON COLUMN runs.version IS 'Version of cotjudge.';
COMMENT ON COLUMN runs.arguments IS 'What was asked for.';
COMMENT ON COLUMN runs.judge IS 'The judge as the user named it.';
COMMENT ON COLUMN runs.judge_identity IS 'Everything about the judge that can change its answers.';
COMMENT ON COLUMN runs.rubrics IS 'Rubric id -> content hash of the rubric.';
COMMENT ON COLUMN runs.traces IS 'Traces that could be judged.';
COMMENT ON COLUMN runs.no_reasoning IS 'Traces read that hold nothing a rubric judges.';
COMMENT ON COLUMN runs.skipped_records IS 'Records that no trace could be read from.';
COMMENT ON COLUMN runs.judgements IS 'Judgements wanted: traces by rubrics.';
COMMENT ON COLUMN runs.judged IS 'Judgements made in this run.';
COMMENT ON COLUMN runs.cached IS 'Judgements that were there already.';
COMMENT ON COLUMN runs.failed IS 'Judgements that could not be had.';
COMMENT ON COLUMN runs.calls IS 'Requests that were answered.';
COMMENT ON COLUMN runs.input_tokens IS 'Prompt tokens, cached ones included.';
COMMENT ON COLUMN runs.cached_tokens IS 'Prompt tokens that the provider served from its cache.';
COMMENT ON COLUMN runs.output_tokens IS 'Completion tokens, reasoning tokens included.';
COMMENT ON COLUMN runs.cost_usd IS 'US dollars; NULL where the price of the model is not known.';
COMMENT ON COLUMN runs.seconds IS 'Wall-clock seconds.';

CREATE TABLE labels (
    trace_id VARCHAR, rubric VARCHAR, annotator VARCHAR, label VARCHAR, criteria JSON, note VARCHAR, source VARCHAR,
    selection VARCHAR, created_at TIMESTAMP
);
COMMENT ON TABLE labels IS 'What people say (or a gold file says): the newest label of each trace, rubric and annotator.';
COMMENT ON COLUMN labels.trace_id IS 'The trace; it need not be stored here yet.';
COMMENT ON COLUMN labels.rubric IS 'Rubric id.';
COMMENT ON COLUMN labels.annotator IS 'Who says so: a name, or `gold`.';
COMMENT ON COLUMN labels.label IS 'present, absent, uncertain, or the rubric''s own label.';
COMMENT ON COLUMN labels.criteria IS 'Criterion -> answer, where they were given.';
COMMENT ON COLUMN labels.note IS 'Why, in the annotator''s words.';
COMMENT ON COLUMN labels.source IS 'Where the label came from: a file, a tool.';
COMMENT ON COLUMN labels.selection IS 'Why this trace was labelled: random (every trace had the same chance; only these estimate a share without bias), uncertain, split, unverified, injection, disagreement, or empty where nobody said.';
COMMENT ON COLUMN labels.created_at IS 'When it was given (UTC).';

CREATE TABLE dumps (
    dump VARCHAR, path VARCHAR, content_hash VARCHAR, reading VARCHAR, asked VARCHAR, judge VARCHAR, traces BIGINT,
    no_reasoning BIGINT, skipped_records BIGINT, judgements BIGINT, sources BIGINT, labels JSON, silent JSON,
    skipped JSON, verdicts JSON, run_id VARCHAR, created_at TIMESTAMP
);
COMMENT ON TABLE dumps IS 'Files of which every judgement asked for was there when a run ended: while one is as it was, and its verdicts are there, it is not read again. A row may be deleted; then its file is read once more.';
COMMENT ON COLUMN dumps.dump IS 'Hash of `path`, `content_hash`, `reading` and `asked`; unique.';
COMMENT ON COLUMN dumps.path IS 'The file as the user named it.';
COMMENT ON COLUMN dumps.content_hash IS 'BLAKE2b-128 of its bytes; 32 hex digits.';
COMMENT ON COLUMN dumps.reading IS 'Hash of how it was read: format and mapping asked for, readers and their version, limits.';
COMMENT ON COLUMN dumps.asked IS 'Hash of what was asked: rubrics, judge, prompt, segments by themselves or not.';
COMMENT ON COLUMN dumps.judge IS 'The judge as the user named it.';
COMMENT ON COLUMN dumps.traces IS 'Traces in it that could be judged.';
COMMENT ON COLUMN dumps.no_reasoning IS 'Traces in it that hold nothing a rubric judges.';
COMMENT ON COLUMN dumps.skipped_records IS 'Records in it that no trace could be read from.';
COMMENT ON COLUMN dumps.judgements IS 'Judgements wanted for it: traces by rubrics.';
COMMENT ON COLUMN dumps.sources IS 'Rows of `sources` that it has.';
COMMENT ON COLUMN dumps.labels IS 'Rubric id -> label -> traces.';
COMMENT ON COLUMN dumps.silent IS 'Path -> traces that `no_reasoning` counts; more than one path where the file is an archive.';
COMMENT ON COLUMN dumps.skipped IS 'The first of what was skipped in it, and why: a list of path, record, reason, count.';
COMMENT ON COLUMN dumps.verdicts IS 'Run -> number and checksum of all its verdicts by this judge and these rubrics, for every run that made one of this file''s. While they are what they were, none was deleted.';
COMMENT ON COLUMN dumps.run_id IS 'The run that read it.';
COMMENT ON COLUMN dumps.created_at IS 'When that run ended (UTC).';
