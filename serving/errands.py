"""What the service does beside answering: bulk jobs and webhooks, in one thread of each process."""

import json
import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from threading import Event, Thread

from contracts.errors import FedeleError
from serving.jobs import run_next, sweep_jobs
from serving.tenants import Tenant
from serving.webhooks import deliver

SECONDS = 1.0
SWEEP_ROUNDS = 3_600
error_log = logging.getLogger("fedele.errors")


class Errands:
    """Goes round the workspaces every second. Two processes never do the same job or message at once."""

    def __init__(self, tenants: Iterable[Tenant], clock: Callable[[], datetime]) -> None:
        self._tenants, self._clock = tenants, clock
        self._ended = Event()
        self._rounds = 0

    def start(self) -> None:
        """Go round in a thread until the process ends or ``stop``."""
        Thread(target=self._go, name="fedele-errands", daemon=True).start()

    def stop(self) -> None:
        """End after the present errand."""
        self._ended.set()

    def go_round(self) -> None:
        """Do what waits in each workspace; a failure of one is logged and costs the others nothing."""
        for tenant in self._tenants:
            work, now = tenant.store.work, self._clock()
            try:
                if self._rounds % SWEEP_ROUNDS == 0:
                    sweep_jobs(tenant.workspace, work, now)
                while run_next(tenant.workspace, work, self._clock()) and not self._ended.is_set():
                    pass
                deliver(tenant.workspace, tenant.store, self._clock())
            except (FedeleError, OSError) as error:
                error_log.error(json.dumps({"error": "errand", "kind": type(error).__name__}))
        self._rounds += 1

    def _go(self) -> None:
        while not self._ended.wait(SECONDS):
            self.go_round()
