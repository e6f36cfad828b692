"""Facts about the world: registered services, controls of frameworks, manual checks."""
