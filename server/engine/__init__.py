"""From a graph to its results: upgrade, validate, plan, execute."""
