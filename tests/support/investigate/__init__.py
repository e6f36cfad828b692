"""Hosts and rows that tests of `investigate` share."""
