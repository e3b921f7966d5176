-- Requests, tokens and US dollars, by model and day.
-- param per = day [hour, day, week, month]: length of a row's time
SELECT
    model, date_trunc($per, created_at) AS since, count(*) AS requests, sum(input_tokens)::BIGINT AS input_tokens,
    sum(cached_tokens)::BIGINT AS cached_tokens, sum(output_tokens)::BIGINT AS output_tokens,
    round(sum(cost_usd), 4) AS cost_usd, count(*) FILTER (outcome = 'unusable') AS unusable,
    count(*) FILTER (cost_usd IS NULL) AS without_price
FROM calls
GROUP BY ALL
ORDER BY since DESC, model;
