-- What a merge finds out about a verdict. The numbers are compared before the texts they stand for.
CREATE OR REPLACE TEMP MACRO unverified_quotes(quotes) AS coalesce(
    len(list_filter(quotes, lambda one: NOT one.verified AND one.stance = 'for' AND NOT one.addresses_judge)), 0
);
CREATE OR REPLACE TEMP MACRO number32(name) AS (md5_number_lower(name) & 4294967295)::UINTEGER;
CREATE OR REPLACE TEMP MACRO slot32(trace_id, segment, rubric, judge) AS
    number32(concat_ws(chr(0), trace_id, segment, rubric, judge));
