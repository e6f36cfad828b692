"""Look at the hosts of an inventory, in this process and in others."""
