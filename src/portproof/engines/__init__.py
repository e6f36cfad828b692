"""Engines run a look over the hosts of an inventory."""
