"""What the configuration says of the second engine."""

from core.clock import Clock
from core.config import ConfigError, SparkOptions
from engine.spark import cluster
from engine.spark.address import read
from engine.wlm.configuration import WHERE, Configuration
from session.spark import SparkEngine
from storage.database import Database
from storage.handover import Handover


def spark(options: SparkOptions, queues: Configuration, database: Database, clock: Clock) -> SparkEngine | None:
    """Return the second engine, None where there is none; raises ``ConfigError``."""
    if not options.url:
        if any(queue.engine == "spark" for queue in queues.queues):
            raise ConfigError(f"a queue of {WHERE} has the engine spark, but spark.url is empty")
        return None
    if not cluster.available():
        raise ConfigError("spark.url needs the package grpcio: install duckshift[spark]")
    reached = cluster.SparkCluster(read(options.url, options.token), clock, patience_s=options.connect_timeout_s)
    return SparkEngine(reached, Handover(database), scan_bytes=options.scan_mb << 20)
