"""The code that portproof runs on hosts; ``README.md`` describes it for operators.

Every module needs only Python 3.6 and its standard library, and imports from portproof only other
modules of this folder. Loading a module takes time on every host. So they import modules that are
loaded already or cheap (``_socket`` instead of ``socket``, ``os.path`` instead of ``pathlib``), and
import what only some looks need where it is used.
"""
