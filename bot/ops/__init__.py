"""What the bot answers over HTTP, where its admin wants that: `pages` health and metrics, `callbacks` useapi's calls.

Import the parts themselves: metrics need a package that nothing else does.
"""
