"""What options of several commands say of themselves."""

POLICY_HELP = (
    "A shipped policy by its name, a policy file, or a folder of them; repeatable."
    " Default: the shipped policies without the baselines."
)
