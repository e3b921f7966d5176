"""What every test shares: no network beyond this machine, and a trace builder."""

from __future__ import annotations

import os
import sys
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
for name in [n for n in os.environ if n.startswith("COTJUDGE_") or n.endswith("_API_KEY")]:
    del os.environ[name]

LOOPBACK = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "", None)  # noqa: S104 (a list of what is allowed)


def _stay_home(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise RuntimeError(f"a test reached for the network: {address[0]}")
    elif event == "socket.getaddrinfo" and arguments[0] not in LOOPBACK:
        raise RuntimeError(f"a test asked for the address of {arguments[0]!r}")


sys.addaudithook(_stay_home)

try:
    from hypothesis import settings
except ImportError:  # the environments of single packages have none
    pass
else:  # no test is timed: these machines are busy
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")
