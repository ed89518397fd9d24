"""Every version of a model, as under TensorFlow Serving's version policy "all"."""

import os
import threading

import grpc
from contract_server.servable import Refusal, Servable


class Versions:
    """Every version below a base path: folders whose name is a number.

    Attributes:
      failures: {version: Refusal} of the folders that did not load; tried once.
    """

    def __init__(self, name, base_path):
        self.name, self.base_path = name, base_path
        self._lock, self._servables, self.failures = threading.Lock(), {}, {}

    def refresh(self):
        """Loads versions that are new, drops those that are gone."""
        found = {int(n): n for n in os.listdir(self.base_path) if n.isdecimal()}
        with self._lock:
            for kept in (self._servables, self.failures):
                for version in set(kept) - set(found):
                    del kept[version]
            new = set(found) - set(self._servables) - set(self.failures)
        for version in sorted(new):
            path = os.path.join(self.base_path, found[version])
            try:
                servable = Servable(self.name, version, path)
            except Refusal as refusal:
                self.failures[version] = refusal
                continue
            with self._lock:
                self._servables[version] = servable

    def available(self):
        """The versions that are served, ascending."""
        with self._lock:
            return sorted(self._servables)

    def get(self, name, version=None):
        """The Servable; the latest where version is None. Raises Refusal."""
        with self._lock:
            latest = max(self._servables, default=None)
            servable = self._servables.get(latest if version is None else version)
        if servable is None or name != self.name:
            which = "Latest" if version is None else "Specific"
            wanted = ", ".join(
                str(part) for part in (name, version) if part is not None
            )
            raise Refusal(
                grpc.StatusCode.NOT_FOUND,
                f"Servable not found for request: {which}({wanted})",
            )
        return servable
