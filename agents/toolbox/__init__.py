"""The tools an agent may hold: one deletable file each, and what MCP servers bring in."""
