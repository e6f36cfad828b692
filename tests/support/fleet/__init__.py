"""A real fleet for the tests: every host a set of namespaces with an SSH server of its own."""
