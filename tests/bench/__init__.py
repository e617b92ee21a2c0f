"""What Darkroom costs and how fast it is, measured: `make bench`, or `python -m tests.bench polls` for one section.

Every figure comes from a process of its own (`alone`), and every ratio from runs taken in turn on the same machine in
the same minutes, because machines are noisy. `remote` is the small fast server that answers where Darkroom itself is
what is measured; elsewhere the far ends are the pretend ones that the tests use.
"""
