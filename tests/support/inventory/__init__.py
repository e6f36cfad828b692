"""Ansible inventories that tests share."""
