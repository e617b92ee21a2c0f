"""The container image without a container engine, and the wheel: `make image-check`."""
