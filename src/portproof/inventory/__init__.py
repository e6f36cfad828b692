"""Inventories: which hosts an audit must account for."""
