"""`python -m infra.local`: the process behind `make run`."""

import signal
import sys

# Ctrl-C during the imports ends the process without a traceback: nothing has been started yet.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from infra.local.run import main  # noqa: E402

sys.exit(main())
