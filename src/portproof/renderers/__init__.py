"""Output formats: each module writes a result in one."""
