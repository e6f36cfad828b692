"""Stand-ins for osquery's own programs, which cannot be installed from a package registry.

They answer real SQL over rows in osquery's exact schema, with osquery's habits and on demand with
its failures. What osquery's own binary does beyond that is not tested here.
"""
