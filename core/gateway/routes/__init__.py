"""The operations of the gateway, by what they are about."""
