"""Turn a look at a host into its verdicts, without input or output."""
