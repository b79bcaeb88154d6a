"""The toolbox, against real files, databases and MCP servers."""
