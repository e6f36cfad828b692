"""What portproof runs on hosts, and nothing else; ``README.md`` tells an operator about it.

Every module here needs only Python 3.6 and its standard library, and imports nothing of portproof
but its neighbours. Loading a module takes time on every host, so that they import from the standard
library what is loaded already or cheap (``_socket`` in place of ``socket``, ``os.path`` in place of
``pathlib``), and what only some looks need where it is needed.
"""
