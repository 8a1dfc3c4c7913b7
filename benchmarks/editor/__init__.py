"""How fast the editor draws large graphs, beside plain React Flow with the same graph."""
