"""What must hold: policies, rules that judge themselves, checks, waivers and their tests."""
