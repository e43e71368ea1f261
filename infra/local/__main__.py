"""`python -m infra.local`: the process behind `make run`."""

import signal
import sys

# Ctrl-C while the imports run: there is nothing to stop yet and nothing to say.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from infra.local.run import main  # noqa: E402

sys.exit(main())
