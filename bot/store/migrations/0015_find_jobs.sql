-- Jobs are found by the words of their prompts, in the channels in which they were subscribed.

-- The row ids are those of jobs. bot.store.prompt_statements keeps it in step with them and with the subscriptions: not
-- by triggers, in which common versions of SQLite refuse FTS5 with trusted_schema = OFF. The channels are words, too, so
-- that a query reads only what its reader may view. It has its own content: deleting from an external one takes the exact
-- text that was indexed.
CREATE VIRTUAL TABLE job_prompts USING fts5(
    prompt, channels, columnsize = 0, tokenize = 'porter unicode61 remove_diacritics 2'
);
INSERT INTO job_prompts (rowid, prompt, channels)
    SELECT job.id,
        -- The letter h stands for a hexadecimal digit, as they are in the names of jobs' files.
        coalesce((SELECT group_concat(value, ' ')
                  FROM json_each('[' || replace(json_quote(prompt), ' ', '","') || ']')
                  WHERE value NOT LIKE '%://%'
                  AND value NOT GLOB replace('*hhhhhhhh[-%]*', 'h', '[0-9a-fA-F]')
                  AND value NOT GLOB replace('*hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh*', 'h', '[0-9a-fA-F]')), ''),
        coalesce((SELECT group_concat(DISTINCT channel_id) FROM subscriptions WHERE job_id = job.id), '')
    FROM (
        SELECT id, CASE
            WHEN status = 'moderated' THEN ''
            WHEN prompt <> '' THEN prompt
            WHEN content LIKE '%**%** - %' THEN -- where Midjourney repeats it: "**a castle** - <@1> (fast)"
                substr(content, instr(content, '**') + 2, instr(content, '** - ') - instr(content, '**') - 2)
            ELSE '' END AS prompt
        FROM (SELECT id, status, coalesce(json_extract(answer, '$.prompt'), '') AS prompt,
                     coalesce(json_extract(answer, '$.content'), '') AS content FROM jobs)
    ) AS job;
INSERT INTO job_prompts (job_prompts) VALUES ('optimize');

CREATE TABLE job_channels ( -- in which jobs were subscribed
    guild_id   INTEGER NOT NULL,
    channel_id INTEGER NOT NULL,
    PRIMARY KEY (guild_id, channel_id)
) STRICT, WITHOUT ROWID;
INSERT INTO job_channels SELECT DISTINCT guild_id, channel_id FROM subscriptions;
