"""From a look at a host to its verdicts, without input or output."""
