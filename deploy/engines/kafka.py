"""Apache Kafka: brokers that are controllers as well (KRaft), run from their own jars."""

import asyncio
import hashlib
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from deploy.engines.cache import keep
from deploy.engines.engine import HOST, Engine, Place, Unavailable, free_port
from deploy.engines.tool import run, tool

POM: Final = Path(__file__).with_name("kafka.pom.xml")
LOG4J: Final = Path(__file__).with_name("kafka.log4j2.properties")
CLUSTER_ID: Final = "b3JkZXItY2hhdC1zdGFjaw"
"""Any 16 bytes; the same for all brokers, and for the same data later."""

DOWNLOAD_S: Final = 600.0
FORMAT_S: Final = 60.0
JAVA_ADVICE: Final = "install a Java of 17 or newer, such as Debian's `default-jre-headless`"
MAVEN_ADVICE: Final = "install Apache Maven, such as Debian's `maven`"

LIGHT: Final = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
"""Two fifths less work to start, for less speed in the long run: what a desk and a test want."""

FORMAT: Final = ["format", "--ignore-formatted", "-t", CLUSTER_ID, "-c", "server.properties"]

API_VERSIONS: Final = struct.pack(">hhih", 18, 0, 1, -1)
"""The request every broker answers first: its key, its version, a correlation id, no client id."""


class Broker(Engine):
    """One Kafka broker; all brokers of a cluster must be told of each other by `brokers`."""

    variable = "ORDER_CHAT_LOG_URL"
    start_s: ClassVar[float] = 90.0
    stop_s: ClassVar[float] = 20.0

    def __init__(self, number: int, place: Place) -> None:
        super().__init__(f"kafka-{number}", place)
        self.number = number
        self.controller_port = free_port()
        self.cluster: Sequence[Broker] = [self]
        self._java = ""
        self._jars = Path()
        self._version = ""

    async def obtain(self) -> None:
        """Fetch the jars, write the settings, and format a new data folder."""
        self._java = await asyncio.to_thread(tool, "java", JAVA_ADVICE)
        self._jars = await _jars(self.place)
        self._version = await asyncio.to_thread(_version, self._jars)
        await asyncio.to_thread(self._configure)
        await run(
            [self._java, *LIGHT, *self._classpath(), "kafka.tools.StorageTool", *FORMAT],
            folder=self.folder,
            within_s=FORMAT_S,
        )

    @property
    def version(self) -> str:
        """As the broker's jar is named."""
        return self._version

    @property
    def url(self) -> str:
        """The whole cluster; every broker says the same."""
        return f"kafka://{','.join(f'{HOST}:{broker.port}' for broker in self.cluster)}"

    @property
    def dev(self) -> bool:
        """Fewer than three brokers keep no copy that outlives one of them."""
        return len(self.cluster) < 3

    def command(self) -> Sequence[str]:
        """A broker with a small heap; three of them share a desk with everything else."""
        heap = "-Xmx512m" if len(self.cluster) == 1 else "-Xmx384m"
        logs = f"-Dlog4j2.configurationFile={LOG4J}"
        start = [self._java, *LIGHT, heap, logs, *self._classpath()]
        return [*start, "kafka.Kafka", str(self.folder / "server.properties")]

    async def probe(self) -> None:
        """Ask which requests it knows; a broker answers no earlier than it serves."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        try:
            writer.write(struct.pack(">i", len(API_VERSIONS)) + API_VERSIONS)
            await reader.readexactly(4)
        finally:
            writer.close()

    def _classpath(self) -> Sequence[str]:
        return ["-cp", f"{self._jars}/*"]

    def _configure(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{name}={value}\n" for name, value in self._settings().items()]
        (self.folder / "server.properties").write_text("".join(lines))

    def _settings(self) -> dict[str, str | int]:
        count = len(self.cluster)
        copies = min(count, 3)
        plain = f"PLAINTEXT://{HOST}:{self.port}"
        voters = [f"{b.number}@{HOST}:{b.controller_port}" for b in self.cluster]
        return {
            "process.roles": "broker,controller",
            "node.id": self.number,
            "listeners": f"{plain},CONTROLLER://{HOST}:{self.controller_port}",
            "advertised.listeners": plain,
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": ",".join(voters),
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "unclean.leader.election.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": 2 if copies == 3 else 1,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": 4,  # a fleet has a handful of groups
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": 2 if copies == 3 else 1,
            "share.coordinator.state.topic.replication.factor": copies,
            "log.retention.ms": -1,
            "group.initial.rebalance.delay.ms": 0,
            # A killed broker may come back when its session has run out, 9 s by default.
            "broker.session.timeout.ms": 5_000,
            "broker.heartbeat.interval.ms": 1_000,
            "log.cleaner.dedupe.buffer.size": 4 << 20,  # a quarter of the heap by default
            "num.network.threads": 2,
            "num.io.threads": 4,
        }


def brokers(count: int, place: Place) -> Sequence[Broker]:
    """A cluster of *count* brokers, `kafka-1` and so on."""
    cluster = [Broker(number, place) for number in range(1, count + 1)]
    for broker in cluster:
        broker.cluster = cluster
    return cluster


async def _jars(place: Place) -> Path:
    """The folder of all jars, named by what the pom says."""
    pom = await asyncio.to_thread(POM.read_bytes)
    digest = hashlib.sha256(pom).hexdigest()[:12]

    async def download(folder: Path) -> None:
        maven = await asyncio.to_thread(tool, "mvn", MAVEN_ADVICE)
        place.say("kafka: fetching its jars with Maven, once …")
        await asyncio.to_thread(shutil.copy, POM, folder / "pom.xml")
        copy = ["dependency:copy-dependencies", "-DoutputDirectory=."]
        await run([maven, "-q", "-B", *copy], folder=folder, within_s=DOWNLOAD_S)
        await asyncio.to_thread(_version, folder)

    return await keep(place.cache / f"kafka-{digest}", download)


def _version(jars: Path) -> str:
    for jar in jars.glob("kafka_2.13-*.jar"):
        return f"Apache Kafka {jar.stem.removeprefix('kafka_2.13-')}"
    raise Unavailable(f"There is no Kafka among the jars in {jars}: remove that folder.")
