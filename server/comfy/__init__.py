"""ComfyUI's HTTP and WebSocket API on the same services, so that its clients work unchanged."""
