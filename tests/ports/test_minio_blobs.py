"""What is MinIO's own: its address, what is signed for browsers, its buckets, its risks."""

import asyncio
import base64
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from minio.commonconfig import ENABLED, Filter
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule

from shared.blobs import open_blobs
from shared.blobs.minio import MinioBlobs
from shared.blobs.minio_address import read_address
from shared.blobs.port import BlobsUnavailable, Shelf
from tests.ports.blob_engines import KEY, TYPE, Minio, upload

URL = "minio://id:s3cr3t@store.example:9000/chat"
connected = pytest.mark.connected


@pytest.fixture
def minio(tmp_path: Path) -> Iterator[Minio]:
    with Minio(tmp_path) as engine:
        yield engine


class TestAddress:
    def test_all_of_an_address_is_understood(self) -> None:
        """Server, key, secret and prefix; escaped where they hold what means something."""
        address = read_address("minio://id:a%2Fb@[::1]:9000/chat?tls=on&region=eu-1", None)

        assert (address.server.origin, address.key, address.secret, address.region) == (
            "https://[::1]:9000",
            "id",
            "a/b",
            "eu-1",
        )

    @pytest.mark.parametrize(
        "url",
        [
            "minio://store.example:9000/chat",
            "minio://id:s3cr3t@/chat",
            "minio://id:s3cr3t@store.example:port/chat",
            "minio://id:s3cr3t@store.example:9000",
            "minio://id:s3cr3t@store.example:9000/chat/more",
            "minio://id:s3cr3t@store.example:9000/Chat",
            "minio://id:s3cr3t@store.example:9000/chat?tls=yes",
            "minio://id:s3cr3t@store.example:9000/chat?zone=eu",
        ],
    )
    def test_what_is_wrong_is_said_without_repeating_it(self, url: str) -> None:
        """An address that means nothing names the setting; the secret stays out of the message."""
        with pytest.raises(ValueError, match="ORDER_CHAT_BLOBS_URL looks like") as caught:
            read_address(url, None)

        assert "s3cr3t" not in str(caught.value)

    @pytest.mark.parametrize("url", ["files.example", "https://files.example/s3", "ftp://files"])
    def test_a_public_address_is_a_server_alone(self, url: str) -> None:
        """A path would not be the one that links are signed for."""
        with pytest.raises(ValueError, match="ORDER_CHAT_BLOBS_PUBLIC_URL looks like"):
            read_address(URL, url)

    def test_an_address_does_not_show_its_secret(self) -> None:
        """Wherever it is printed."""
        assert "s3cr3t" not in f"{read_address(URL, None)!r}"


class TestSigned:
    """None of this asks the store: there is none."""

    async def test_a_form_has_a_condition_for_each_of_its_fields(self) -> None:
        """Bucket, key and type are exact, the size has bounds, and there is nothing else to set."""
        blobs = MinioBlobs(read_address(URL, None))

        form = blobs.form(KEY, TYPE, size_min=1, size_max=9)

        conditions = json.loads(base64.b64decode(form.fields["policy"]))["conditions"]
        ours = [c for c in conditions if not str(c[1]).startswith("$x-amz-")]
        assert ours == [
            ["eq", "$bucket", "chat-quarantine"],
            ["eq", "$key", KEY],
            ["eq", "$Content-Type", TYPE],
            ["content-length-range", 1, 9],
        ]
        await blobs.close()

    async def test_a_link_lives_for_a_minute(self) -> None:
        """The store is told to refuse it later."""
        blobs = MinioBlobs(read_address(URL, None))

        link = blobs.link(KEY, content_type=TYPE, disposition="inline")

        assert parse_qs(urlsplit(link).query)["X-Amz-Expires"] == ["60"]
        await blobs.close()

    async def test_browsers_are_sent_to_the_public_address(self) -> None:
        """Forms and links name the server that browsers reach, and are signed for it."""
        blobs = MinioBlobs(read_address(URL, "https://files.example"))

        form = blobs.form(KEY, TYPE, size_min=1, size_max=9)
        link = blobs.link(KEY, content_type=TYPE, disposition="inline")

        assert blobs.origin == "https://files.example"
        assert form.url == "https://files.example/chat-quarantine"
        assert link.startswith(f"https://files.example/chat-clean/{KEY}?")
        await blobs.close()


class TestTrouble:
    async def test_a_store_that_is_away_is_unavailable(self, tmp_path: Path) -> None:
        """The start says so soon, and the message does not hold the secret."""
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            url = f"minio://id:s3cr3t@127.0.0.1:{nobody.getsockname()[1]}/chat"
            began = time.monotonic()

            with pytest.raises(BlobsUnavailable) as caught:
                await open_blobs(url, tmp_path)

        assert time.monotonic() - began < 5
        assert "s3cr3t" not in str(caught.value)
        assert caught.value.__cause__ is None

    @connected
    async def test_a_wrong_secret_is_named_by_the_stores_code(self, minio: Minio) -> None:
        """The start says what the store says, and repeats neither key nor secret."""
        url = minio.url.replace(f"{minio.key}:", f"{minio.key}:wr0ng")

        with pytest.raises(BlobsUnavailable) as caught:
            await open_blobs(url, minio.data)

        assert str(caught.value) == "the object store answers AccessDenied"


@connected
async def test_no_type_of_the_uploaders_stays(minio: Minio) -> None:
    """What a file is shown as is said by its link alone."""
    blobs = await minio.open()
    found = await upload(minio, blobs, KEY, b"<script>")

    await blobs.join([KEY], Shelf.QUARANTINE, "joined")
    await blobs.join([KEY], Shelf.CLEAN, "clean/3")
    await blobs.publish(KEY, found.etag, "clean/1")
    await blobs.put("clean/2", b"thumbnail")

    written = [(Shelf.QUARANTINE, "joined")]
    written += [(Shelf.CLEAN, f"clean/{number}") for number in (1, 2, 3)]
    types = {
        minio.server.stat_object(minio.bucket(shelf), key).content_type for shelf, key in written
    }
    assert types == {"application/octet-stream"}
    await blobs.close()


@connected
class TestBuckets:
    async def test_both_are_there_after_the_first_start(self, minio: Minio) -> None:
        """Several services that start at once agree on them."""
        opened = await asyncio.gather(*(minio.open() for _ in range(4)))

        names = {bucket.name for bucket in minio.server.list_buckets()}
        assert {minio.bucket(Shelf.QUARANTINE), minio.bucket(Shelf.CLEAN)} <= names
        for blobs in opened:
            await blobs.close()

    async def test_the_server_empties_quarantine_after_a_day(self, minio: Minio) -> None:
        """What nobody completed does not stay, whatever becomes of us."""
        blobs = await minio.open()

        config = minio.server.get_bucket_lifecycle(minio.bucket(Shelf.QUARANTINE))

        assert config is not None
        assert [rule.expiration and rule.expiration.days for rule in config.rules] == [1]
        assert minio.server.get_bucket_lifecycle(minio.bucket(Shelf.CLEAN)) is None
        await blobs.close()

    async def test_an_operators_own_rules_stay(self, minio: Minio) -> None:
        """A start does not undo what somebody decided."""
        bucket = minio.bucket(Shelf.QUARANTINE)
        own = Rule(ENABLED, Filter(prefix=""), rule_id="own", expiration=Expiration(days=3))
        minio.server.make_bucket(bucket)
        minio.server.set_bucket_lifecycle(bucket, LifecycleConfig([own]))

        blobs = await minio.open()

        config = minio.server.get_bucket_lifecycle(bucket)
        assert config is not None
        assert [rule.rule_id for rule in config.rules] == ["own"]
        await blobs.close()


@connected
class TestRisks:
    async def test_nothing_is_wrong_but_what_is_known_of_the_server(self, minio: Minio) -> None:
        """Buckets as they are made here are private, and forms hold; only the two CVEs may show."""
        blobs = await minio.open()

        risks = await blobs.risks()

        assert [risk.text for risk in risks if "CVE-2026-4" not in risk.text] == []
        await blobs.close()

    async def test_nothing_stays_of_it(self, minio: Minio) -> None:
        """Whatever was tried, and taken, is removed."""
        blobs = await minio.open()

        await blobs.risks()

        assert minio.keys() == []
        await blobs.close()

    @pytest.mark.parametrize("shelf", list(Shelf))
    @pytest.mark.parametrize(
        ("action", "what"),
        [("ListBucket", "lists"), ("GetObject", "reads from"), ("PutObject", "writes to")],
    )
    async def test_a_public_bucket_stops_the_start(
        self, minio: Minio, shelf: Shelf, action: str, what: str
    ) -> None:
        """What a stranger may do is found out, bucket by bucket."""
        blobs = await minio.open()
        minio.server.set_bucket_policy(
            minio.bucket(shelf), policy(minio.bucket(shelf), f"s3:{action}")
        )

        found = [risk for risk in await blobs.risks() if risk.loses]

        texts = "\n".join(risk.text for risk in found)
        assert f"a stranger who {what} {minio.bucket(shelf)}," in texts
        assert minio.keys() == []
        await blobs.close()

    async def test_a_policy_for_everyone_stops_the_start(self, minio: Minio) -> None:
        """Though it opens a corner of the bucket that no request of ours would come upon."""
        blobs = await minio.open()
        bucket = minio.bucket(Shelf.CLEAN)
        minio.server.set_bucket_policy(bucket, policy(f"{bucket}/corner", "s3:GetObject"))

        risks = await blobs.risks()

        assert any(f"the policy of bucket {bucket} allows everyone" in r.text for r in risks)
        await blobs.close()


def policy(resource: str, action: str) -> str:
    """A bucket policy that lets everyone do *action*."""
    scope = resource if action == "s3:ListBucket" else f"{resource}/*"
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": ["*"]},
        "Action": [action],
        "Resource": [f"arn:aws:s3:::{scope}"],
    }
    return msgspec.json.encode({"Version": "2012-10-17", "Statement": [statement]}).decode()
