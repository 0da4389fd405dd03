"""The merchant acquirer (收单): what a shop took over its counter."""
