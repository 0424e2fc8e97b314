"""What is signed here and used elsewhere: the client that signs, and the form a browser posts."""

from datetime import datetime

from minio import Minio
from minio.datatypes import PostPolicy
from urllib3 import PoolManager

from shared.blobs.minio_address import Address
from shared.blobs.port import UploadForm
from shared.blobs.public_address import Server


def client(address: Address, server: Server, connections: PoolManager) -> Minio:
    """A client that speaks to *server*, or only signs for it.

    It is told the region: otherwise it would ask the server for it before it signs.
    """
    return Minio(
        server.host,
        access_key=address.key,
        secret_key=address.secret,
        secure=server.tls,
        region=address.region,
        http_client=connections,
    )


def sign_form(
    signer: Minio,
    server: Server,
    bucket: str,
    *,
    key: str,
    content_type: str,
    sizes: tuple[int, int],
    expires: datetime,
) -> UploadForm:
    """A form for *server*: every field in it has an exact value, and the file a size in *sizes*."""
    fields = {"key": key, "Content-Type": content_type}
    policy = PostPolicy(bucket, expires)
    for name, value in fields.items():
        policy.add_equals_condition(name, value)
    policy.add_content_length_range_condition(*sizes)
    return UploadForm(
        url=f"{server.origin}/{bucket}",
        fields={**fields, **signer.presigned_post_policy(policy)},
        expires_at=int(expires.timestamp() * 1_000),
    )
