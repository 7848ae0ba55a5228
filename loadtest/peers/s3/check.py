"""Runs a command beside a store that speaks S3's protocol and was written by others (moto), with its key in the environment.

The store checks signatures with botocore's own signer, those of links too, which moto itself leaves out: a user of its own is
made, whose key may do everything with S3, and from then on nothing is let in unsigned. Usage: check.py COMMAND…
"""

import os
import subprocess
import sys
from urllib.parse import parse_qsl, urlsplit

SETUP_CALLS = 4
# Read when moto is imported: so many calls go without a check, for the set-up.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = str(SETUP_CALLS)

import boto3  # noqa: E402
from botocore.auth import S3SigV4QueryAuth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from moto.iam import access_control  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402


class LinkOrCall(access_control.S3IAMRequest):
    """A call that is signed in its headers or, as a link, in its query."""

    def __init__(self, account_id, method, path, data, body, headers, action):
        self.query = dict(parse_qsl(urlsplit(path).query))
        if "X-Amz-Signature" in self.query:
            names = ("Credential", "SignedHeaders", "Signature")
            signed = ", ".join(f"{name}={self.query['X-Amz-' + name]}" for name in names)
            headers = {**headers, "Authorization": signed}
        super().__init__(account_id, method, path, data, body, headers, action)

    def _calculate_signature(self):
        if "X-Amz-Signature" not in self.query:
            return super()._calculate_signature()
        url, _, query = self._path.partition("?")
        query = "&".join(part for part in query.split("&") if not part.startswith("X-Amz-Signature="))
        request = AWSRequest(method=self._method, url=f"{url}?{query}", headers={"Host": self._headers["Host"]})
        request.context["timestamp"] = self.query["X-Amz-Date"]
        credentials = self._access_key.create_credentials()
        auth = S3SigV4QueryAuth(credentials, self._service, self._region, expires=int(self.query["X-Amz-Expires"]))
        return auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)


access_control.S3IAMRequest = LinkOrCall


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
