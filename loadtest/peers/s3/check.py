"""Runs a command beside a store that speaks S3's protocol and was written by others (moto), with its key in the environment.

The store checks signatures with botocore's own signer: a user of its own is made, whose key may do everything with S3, and
from then on nothing is let in unsigned. Usage: check.py COMMAND…
"""

import os
import subprocess
import sys

SETUP_CALLS = 4
# Read when moto is imported: so many calls go without a check, for the set-up.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = str(SETUP_CALLS)

import boto3  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402


def client(service: str, url: str):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="set-up",
        aws_secret_access_key="set-up",
    )


def main() -> int:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        iam = client("iam", url)
        iam.create_user(UserName="atelier")
        iam.put_user_policy(
            UserName="atelier",
            PolicyName="pictures",
            PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}',
        )
        key = iam.create_access_key(UserName="atelier")["AccessKey"]
        client("s3", url).create_bucket(Bucket="pictures")
        environment = dict(
            os.environ,
            CHECK_S3_URL=url,
            CHECK_S3_KEY=key["AccessKeyId"],
            CHECK_S3_SECRET=key["SecretAccessKey"],
        )
        return subprocess.run(sys.argv[1:], env=environment).returncode
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
