"""The container image without a container engine: `make image-check`."""
