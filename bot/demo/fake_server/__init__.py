"""What the fake providers share as HTTP servers: recorded requests, faults on order, and control from outside.

`server` has their base class.
"""
