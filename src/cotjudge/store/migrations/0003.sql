-- Version 3 brought the hash of a trace's reasoning, the variant of a task, and why a trace was labelled.

UPDATE traces SET text_hash = sha256(coalesce(array_to_string(list_transform(
    list_filter(
        from_json(turns, '[{"role":"VARCHAR","reasoning":"VARCHAR"}]'),
        lambda turn: turn.role = 'assistant' AND turn.reasoning <> ''
    ),
    lambda turn: turn.reasoning
), chr(10) || chr(10)), ''))
WHERE text_hash IS NULL AND (turns IS NOT NULL OR NOT has_reasoning);

UPDATE sources SET variant = coalesce(meta->>'variant', meta->>'condition', meta->>'arm')
WHERE variant IS NULL AND coalesce(meta->>'variant', meta->>'condition', meta->>'arm') IS NOT NULL;

UPDATE labels SET selection = '' WHERE selection IS NULL;
