"""A broker that lets nobody do what was not granted, and Kafka's own tools to grant it with."""

import asyncio
import hashlib
import os
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.engines.cache import keep
from deploy.engines.engine import HOST, Place, free_port
from deploy.engines.kafka import DOWNLOAD_S, JAVA_ADVICE, LIGHT, MAVEN_ADVICE, Broker
from deploy.engines.tool import run, tool

POM: Final = Path(__file__).with_name("kafka-tools.pom.xml")
TOOLS: Final = {
    "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
    "kafka-consumer-groups.sh": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
}
PASSWORD: Final = "of-the-test"
TOOL_S: Final = 60.0


class GuardedBroker(Broker):
    """Two listeners: who comes by the broker's port is ANONYMOUS; at `users_port` a user and
    `PASSWORD` are asked for. `admin` may do everything."""

    def __init__(self, place: Place, users: Sequence[str]) -> None:
        super().__init__(1, place)
        self.users_port = free_port()
        self._users = ("admin", *users)

    def _settings(self) -> dict[str, str | int]:
        mine = f"PLAINTEXT://{HOST}:{self.port},USERS://{HOST}:{self.users_port}"
        logins = " ".join(f'user_{user}="{PASSWORD}"' for user in self._users)
        jaas = (
            "org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'username="admin" password="{PASSWORD}" {logins};'
        )
        return super()._settings() | {
            "listeners": f"{mine},CONTROLLER://{HOST}:{self.controller_port}",
            "advertised.listeners": mine,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,"
            "USERS:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
            "inter.broker.listener.name": "USERS",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "sasl.mechanism.controller.protocol": "PLAIN",
            "listener.name.users.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.users.plain.sasl.jaas.config": jaas,
            "listener.name.controller.plain.sasl.jaas.config": jaas,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:admin",
        }

    @property
    def users(self) -> str:
        """Where users come."""
        return f"{HOST}:{self.users_port}"


async def tools(place: Place) -> Path:
    """A folder of commands, under the names they have in Kafka's own distribution."""

    async def download(folder: Path) -> None:
        maven = await asyncio.to_thread(tool, "mvn", MAVEN_ADVICE)
        await asyncio.to_thread(shutil.copy, POM, folder / "pom.xml")
        copy = ["dependency:copy-dependencies", "-DoutputDirectory=."]
        await run([maven, "-q", "-B", *copy], folder=folder, within_s=DOWNLOAD_S)

    digest = hashlib.sha256(await asyncio.to_thread(POM.read_bytes)).hexdigest()
    jars = await keep(place.cache / f"kafka-tools-{digest[:12]}", download)
    java = await asyncio.to_thread(tool, "java", JAVA_ADVICE)
    commands = place.data / "bin"
    commands.mkdir()
    for name, program in TOOLS.items():
        start = shlex.join([java, *LIGHT, "-cp", f"{jars}/*", program])
        (commands / name).write_text(f'#!/bin/sh\nexec {start} "$@"\n')
        (commands / name).chmod(0o755)
    return commands


async def take(text: str, broker: GuardedBroker, commands: Path) -> str:
    """Run a block of the page as `admin`; what it said."""
    login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    (broker.folder / "admin.properties").write_text(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
        f'sasl.jaas.config={login} username="admin" password="{PASSWORD}";\n'
    )
    process = await asyncio.create_subprocess_exec(
        *["bash", "-euc", text],
        cwd=broker.folder,
        env={"PATH": f"{commands}:{os.environ['PATH']}", "KAFKA": broker.users},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(TOOL_S):
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()
