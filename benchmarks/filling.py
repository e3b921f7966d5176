"""A database of any size, generated in SQL: as wide and as varied as a real one, every value from a hash of its number."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb

from cotjudge.store import Store
from cotjudge.store.merging import packaged

RUBRICS = (
    "goal_directed_scheming",
    "persona_consistent_roleplay",
    "stereotyped_ethical_phrasing",
    "attribution",
)
RERUN = 0.25
"""Share of the traces that a second judge judged as well; a third judged a third of those."""

DETAILED = 5
"""Criteria and evidence stand beside the verdicts of every so many-th trace only: all of them would be 90 million rows."""

# One number is hashed: of hash(a, b, c) the low bits depend on the low bits of each alone, and texts repeat.
_MACROS = """
CREATE TEMP MACRO pick(n, salt, of) AS (hash(n * 1000003 + salt) % of)::BIGINT;
CREATE TEMP MACRO trace_name(n) AS md5('t' || n);
CREATE TEMP MACRO moment(n) AS TIMESTAMP '2026-01-01' + to_milliseconds(n * 100);
CREATE TEMP MACRO rubric_of(n) AS ['goal_directed_scheming', 'persona_consistent_roleplay',
    'stereotyped_ethical_phrasing', 'attribution'][1 + n];
CREATE TEMP MACRO judge_of(n) AS ['lexical', 'openai/gpt-4o-mini', 'openai/gpt-4o'][1 + n];
CREATE TEMP MACRO label_of(n, r, j) AS CASE WHEN pick(n, r, 100) + pick(n, 100 + 3 * r + j, 10) < 8 THEN 'present'
    WHEN pick(n, 100 + 3 * r + j, 50) = 0 THEN 'uncertain' ELSE 'absent' END;
CREATE TEMP MACRO words(n, salt, least, spread) AS array_to_string(
    list_transform(range(least + pick(n, salt, spread)), lambda w: ['because', 'the model', 'plans to', 'hide', 'its goal',
    'from the user', 'in turn', 'and', 'so that', 'nobody checks', 'a test', 'may be', 'run', 'it says', 'openly', 'that',
    'shut down', 'would', 'follow', 'but', 'never', 'the character', 'speaks', 'of honour', 'report', 'oversight',
    'numbers', 'by noon', 'quoted', 'twice', 'not', 'here'][1 + (hash(n * 1000003 + salt * 1009 + w) % 32)::BIGINT]), ' ');
"""

_PARENTS = """
INSERT INTO traces BY NAME
SELECT
    trace_name(n) AS trace_id, 5 AS n_turns, 2 + pick(n, 1, 5) AS n_segments, 200 + pick(n, 2, 9000) AS reasoning_chars,
    pick(n, 3, 50) > 0 AS has_reasoning, if(pick(n, 3, 50) > 0, 'full', 'none') AS reasoning_kind,
    sha256('h' || n) AS text_hash, 'run-0' AS first_seen_run, moment(n) AS created_at
FROM range($traces) t(n);

INSERT INTO segments BY NAME
SELECT
    trace_name(n) AS trace_id, s AS segment, s AS turn, if(s = 0, 'user', 'assistant') AS role,
    if(s % 2 = 1, 'reasoning', 'content') AS part, 100 + pick(n, 4 + s, 4000) AS chars
FROM range($traces) t(n), range(3) s(s);

INSERT INTO sources BY NAME
SELECT
    trace_name(n) AS trace_id, 'dumps/rollouts-' || (n // 20000) || '.jsonl' AS path, (1 + n % 20000)::VARCHAR AS record,
    'jsonl' AS format, 'org/model-' || pick(n, 10, 12) AS model, 'task-' || pick(n, 11, 40) AS task,
    pick(n, 12, 4) AS epoch, ['baseline', 'treated'][1 + pick(n, 13, 2)] AS variant,
    {'scenario': 'scenario_' || pick(n, 14, 200), 'seed': pick(n, 15, 100000)}::JSON AS meta,
    false AS again, 'run-0' AS run_id
FROM range($traces) t(n);

-- One in fifty was found in a second dump, half of these under another model.
INSERT INTO sources BY NAME
SELECT * EXCLUDE (n) REPLACE ('dumps/again.jsonl' AS path, true AS again, if(pick(n, 17, 2) = 0, model, 'org/model-12') AS model)
FROM (SELECT *, row_number() OVER () AS n FROM sources) AS first WHERE n % 50 = 0;

INSERT INTO runs BY NAME
SELECT
    'run-' || j AS run_id, moment(0) AS started_at, moment($traces) AS finished_at, 'finished' AS status, '0' AS version,
    judge_of(j) AS judge, $traces AS traces
FROM range(3) j(j);

INSERT INTO labels BY NAME
SELECT
    trace_name(n * 97) AS trace_id, rubric_of(r) AS rubric, ['ann', 'ben'][1 + a] AS annotator,
    ['absent', 'absent', 'present', 'uncertain'][1 + pick(n, 30 + r + a // 2, 4)] AS label, '' AS note,
    'labels.csv' AS source, 'random' AS selection, moment($traces) AS created_at
FROM range(least(2000, $traces // 97)) t(n), range(3) r(r), range(2) a(a);
"""

_VERDICTS = """
INSERT INTO verdicts BY NAME
SELECT
    md5('k' || n || ',' || r || ',' || j || if(old, 'old', '')) AS key, trace_name(n) AS trace_id, rubric_of(r) AS rubric,
    if(old, '0', '1') AS rubric_version, md5('h' || r || old) AS rubric_hash, judge_of(j) AS judge, md5('j' || j) AS judge_hash,
    if(j = 0, '', '3') AS prompt_version,
    label_of(n, r, j) AS label,
    if(r = 3, NULL, pick(n, 120 + r + j, 1000) / 1000) AS score,
    if(r = 0 AND pick(n, r, 100) < 8, ['acted', 'planned', 'contemplated'][1 + pick(n, 7, 3)], NULL) AS severity,
    if(r = 3, '{"has_one_main":true,"has_two_main":false}', '{"covert_plan":false,"covert_but_instructed":false}') AS derived,
    if(j = 0, '', words(n, 40 + r, 20, 50)) AS rationale,
    if(j = 0, '{}', '{"goal":"' || words(n, 50, 2, 5) || '","goal_owner":"own","deceived":[],"steps":[],'
        || '"action_status":"none","evaluation_awareness":false,"motive":""}') AS fields,
    pick(n, 60, 500) = 0 AS injection_suspected, (j > 0)::INT AS calls, if(j = 0, 0, 2000 + pick(n, 61, 3000)) AS input_tokens,
    0 AS cached_tokens, if(j = 0, 0, 200 + pick(n, 62 + r, 400)) AS output_tokens, 0 AS reasoning_tokens,
    if(j = 0, 0, pick(n, 63, 1000) / 1e6) AS cost_usd, if(j = 0, 0.002, 0.5 + pick(n, 64 + r, 3000) / 1e3) AS latency_s,
    1 AS coverage, 1 AS windows, true AS quoted, 'criteria' AS score_kind, 1 AS samples, '{}' AS votes, '[]' AS opinions,
    '' AS settled_by, 'org/model-' || pick(n, 10, 12) AS model, 'task-' || pick(n, 11, 40) AS task, pick(n, 12, 4) AS epoch,
    ['baseline', 'treated'][1 + pick(n, 13, 2)] AS variant, 'run-' || j AS run_id, moment(n + j * 1000) - if(old, INTERVAL 1 DAY, INTERVAL 0 DAY) AS created_at,
    (pick(n, 93 + r, 40) = 0)::INTEGER AS unverified, NOT old AS current, number32(key) AS key_number, slot32(trace_id, NULL, rubric, judge) AS slot_number
FROM range($first, $last) t(n), range($judges) j(j), range(4) r(r), (VALUES (false), (true)) AS history(old)
WHERE NOT old OR (r = 0 AND n % 20 = 7);
"""

_CHILDREN = """
INSERT INTO criteria BY NAME
SELECT
    md5('k' || n || ',' || r || ',' || j) AS key, trace_name(n) AS trace_id, rubric_of(r) AS rubric, judge_of(j) AS judge,
    label_of(n, r, j) AS label, true AS whole, true AS current, c AS ordinal,
    if(r = 3, ['goal', 'persona', 'cliche', 'instruction', 'reward_or_grader', 'confusion'][1 + c], 'criterion_' || c)
        AS criterion,
    if(r = 3, ['main', 'some', 'none', 'none', 'none', 'cannot_tell'], ['yes', 'no', 'no', 'no', 'no', 'unclear'])
        [1 + pick(n, 70 + 8 * r + c, 6)] AS answer, answer AS given, '' AS note
FROM range($first, $last, $detailed) t(n), range($judges) j(j), range(4) r(r), range(8) c(c)
WHERE r < 3 OR c < 6;

INSERT INTO evidence BY NAME
SELECT
    md5('k' || n || ',' || r || ',' || j) AS key, trace_name(n) AS trace_id, rubric_of(r) AS rubric, judge_of(j) AS judge,
    label_of(n, r, j) AS label, true AS whole, true AS current, c AS ordinal,
    'criterion_' || c AS criterion, if(c = 2, 'against', 'for') AS stance, words(n, 80 + 4 * r + c, 4, 20) AS quote,
    pick(n, 90 + r + c, 20) > 0 AS verified, 'exact' AS match, 1 AS segment, 1 AS turn, 'reasoning' AS part,
    pick(n, 91 + c, 4000) AS start_char, start_char + len(quote) AS end_char,
    pick(n, 92 + c, 1000) / 1000 AS position, false AS addresses_judge, '' AS note
FROM range($first, $last, $detailed) t(n), range($judges) j(j), range(4) r(r), range(3) c(c);
"""

_LEDGER = """
INSERT INTO failures BY NAME
SELECT
    md5('f' || n) AS key, trace_name(n) AS trace_id, rubric_of(n % 4) AS rubric, judge_of(1) AS judge,
    ['refused', 'truncated', 'unparseable'][1 + pick(n, 95, 3)] AS kind, words(n, 96, 5, 10) AS reason, 1 AS calls,
    'run-1' AS run_id, moment(n) AS created_at
FROM range($first, $last, 200) t(n);

INSERT INTO calls BY NAME
SELECT
    key, trace_id, rubric, judge, run_id, 0 AS ordinal, judge AS model, 'used' AS outcome, false AS batch, 1 AS shared_by,
    input_tokens, cached_tokens, output_tokens, reasoning_tokens, cost_usd, latency_s, created_at
FROM verdicts WHERE calls > 0;
"""


def fill(path: Path, verdicts: int) -> Store:
    """A new database with so many verdicts, in row groups as scoring writes them.

    Args:
        path: where to make it.
        verdicts: how many, about: four rubrics by one judge, and by two more for a share of the traces.
    """
    store = Store(path, keep_text=False)
    store.ensure()
    with tempfile.TemporaryDirectory(dir=path.parent) as spill, store.connect(write=True) as connection:
        connection.execute(f"SET threads = 2; SET memory_limit = '6GB'; SET temp_directory = '{spill}'")
        connection.execute(packaged("numbers.sql"))
        connection.execute(_MACROS)
        traces = int(verdicts / len(RUBRICS) / (1 + RERUN * 4 / 3))
        second, third = int(traces * RERUN), int(traces * RERUN / 3)
        for statement in duckdb.extract_statements(_PARENTS):
            named = dict.fromkeys(statement.named_parameters, traces)
            connection.execute(statement, named)
        parts = {(0, third): 3, (third, second): 2, (second, traces): 1}
        for (first, last), judges in parts.items():
            span = {"first": first, "last": last, "judges": judges, "detailed": DETAILED}
            for statement in duckdb.extract_statements(_VERDICTS + _CHILDREN):
                connection.execute(statement, {name: span[name] for name in statement.named_parameters})
        for statement in duckdb.extract_statements(_LEDGER):
            named = {"first": 0, "last": second}
            connection.execute(statement, {name: named[name] for name in statement.named_parameters})
    return store
