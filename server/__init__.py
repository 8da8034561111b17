"""The process and its sockets: listener, connections, wire protocol, command line, composition."""
