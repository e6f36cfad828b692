"""The first and the last port (RFC 6335, section 6; 0 is reserved)."""

from typing import Final

FIRST_PORT: Final = 1
LAST_PORT: Final = 65535
