"""Which modules a command imports."""

import subprocess
import sys


def imported(*args: str) -> set[str]:
    """The top-level modules a command line has imported when it is done."""
    code = f"import sys; sys.argv[1:] = {list(args)!r}\n"
    code += "from portproof.cli import main\nmain()\n"
    code += "sys.stderr.write(' '.join({n.partition('.')[0] for n in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stderr.split())
