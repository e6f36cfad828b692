"""Where audits are kept."""
