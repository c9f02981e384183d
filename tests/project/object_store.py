"""A local S3 server, as the tests that need one start it."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem
from upath import UPath

KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def bucket_of_moto(name: str) -> Iterator[UPath]:
    """An empty bucket of a server on a free port; AWS_… of the environment point to it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    before = dict(os.environ)
    os.environ |= KEYS | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}
    try:
        S3FileSystem.clear_instance_cache()  # a connection to another server would be taken for one to this,
        UPath(f"s3://{name}").fs.mkdir(name)
        yield UPath(f"s3://{name}")
    finally:
        os.environ.clear()
        os.environ.update(before)
        S3FileSystem.clear_instance_cache()  # and one to this for one to the next
        server.stop()
