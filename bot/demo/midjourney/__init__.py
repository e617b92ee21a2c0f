"""The fake Midjourney account behind every fake provider: jobs that run by the clock, and their pictures.

`account` has the jobs; `job` and `timeline` say how one runs, `midjourney_text` what Midjourney writes about it,
`attachments` and `cdn` serve its pictures.
"""
