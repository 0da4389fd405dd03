"""Where the platform touches the world: databases, and one day HTTP clients and object stores.

Nothing else of core may import what is imported here; a host puts it together.
"""
