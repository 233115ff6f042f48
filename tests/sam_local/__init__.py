"""Each function from its built artifact in a container, which has none of the development environment's packages."""
