"""Facts about the world: registered services, controls of frameworks, how to check by hand."""
