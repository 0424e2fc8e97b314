"""Uploads in MongoDB, for any number of processes.

An upload is one document. Every change is guarded by the version it was made from; of a write that
the driver repeats the server answers what the first try came to.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Final

import msgspec
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError

from attachment_service.model import NEVER, OPEN, Upload
from attachment_service.ports import UploadsUnavailable
from shared.contracts.ids import UserId
from shared.mongo import Document, Mongo
from shared.risk import Risk
from shared.store.mongo_risks import risks_of

UPKEEP_TIMEOUT_S: Final = 300.0
"""For indexes of a collection that is large already."""

_INDEXES: Final = (
    IndexModel({"by": 1, "state": 1}),
    # Nearly all are sent, and never due.
    IndexModel({"due_at": 1}, partialFilterExpression={"due_at": {"$lt": NEVER}}),
)


class MongoUploads:
    """`ports.Uploads` in the database of a `Mongo`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._uploads = mongo.collection("uploads")

    @classmethod
    async def open(cls, url: str) -> "MongoUploads":
        """Open the uploads in the database at *url*, or make them. Close them.

        Raises `ValueError` if that is no address, `UploadsUnavailable` if nobody answers there.
        """
        uploads = cls(await Mongo.open(url, UploadsUnavailable))
        try:
            await uploads._mongo.ping()
            await uploads._mongo.run_after(
                lambda session: uploads._uploads.create_indexes(list(_INDEXES), session=session),
                timeout_s=UPKEEP_TIMEOUT_S,
            )
        except BaseException:
            await uploads.close()
            raise
        return uploads

    async def close(self) -> None:
        """Let what was begun end, then close all connections."""
        await self._mongo.close()

    async def risks(self) -> Sequence[Risk]:
        """How client and servers are set that could lose what was acknowledged."""
        return await risks_of(self._mongo)

    async def add(self, upload: Upload) -> None:
        """As `ports.Uploads`."""
        with suppress(DuplicateKeyError):  # by an earlier try of ours: nobody else makes this id
            await self._mongo.run_after(
                lambda session: self._uploads.insert_one(_document_of(upload), session=session)
            )

    async def get(self, id_: str) -> Upload | None:
        """As `ports.Uploads`."""
        return (await self.find([id_])).get(id_)

    async def find(self, ids: Collection[str]) -> Mapping[str, Upload]:
        """As `ports.Uploads`."""
        found = await self._mongo.find(self._uploads, {"_id": {"$in": sorted(ids)}}, limit=len(ids))
        return {document["_id"]: _upload_of(document) for document in found}

    async def replace(self, upload: Upload) -> bool:
        """As `ports.Uploads`."""
        result = await self._mongo.run_after(
            lambda session: self._uploads.replace_one(
                {"_id": upload.id, "version": upload.version - 1},
                _document_of(upload),
                session=session,
            )
        )
        return result.matched_count > 0

    async def remove(self, upload: Upload) -> bool:
        """As `ports.Uploads`."""
        result = await self._mongo.run_after(
            lambda session: self._uploads.delete_one(
                {"_id": upload.id, "version": upload.version}, session=session
            )
        )
        return result.deleted_count > 0

    async def open_of(self, user_id: UserId) -> int:
        """As `ports.Uploads`."""
        return await self._mongo.run_after(
            lambda session: self._uploads.count_documents(
                {"by": user_id, "state": {"$in": sorted(OPEN)}}, session=session
            )
        )

    async def due(self, now: int, limit: int) -> Sequence[Upload]:
        """As `ports.Uploads`."""
        found = await self._mongo.find(
            self._uploads, {"due_at": {"$lte": now}}, sort={"due_at": 1}, limit=limit
        )
        return [_upload_of(document) for document in found]

    async def ping(self) -> None:
        """As `ports.Uploads`."""
        await self._mongo.ping()


def _document_of(upload: Upload) -> Document:
    document: Document = msgspec.to_builtins(upload)
    return {"_id": document.pop("id"), **document}


def _upload_of(document: Document) -> Upload:
    return msgspec.convert({**document, "id": document["_id"]}, Upload)
