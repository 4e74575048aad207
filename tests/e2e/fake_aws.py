# SPDX-License-Identifier: Apache-2.0
"""The services of AWS that cannot be had here, as one server on loopback: STS, the agent beside a
container, instance metadata, ECR's API, and an S3 that wants the session of one of them.

It checks signatures with an implementation of its own.
"""

import base64
import calendar
import collections
import hashlib
import hmac
import http.server
import json
import time
import urllib.parse

from processes import WebServer

KEY_ID = "ASIAEXAMPLE"
SECRET = "issued/secret+key"
SESSION = "issued/session+token=="
REGION = "eu-west-1"
ROLES = "/latest/meta-data/iam/security-credentials/"
SKEW = 15 * 60
FORM = "application/x-www-form-urlencoded"

Request = collections.namedtuple("Request", "method path headers body")


def derive(secret, date, region, service):
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def signature(request, signed, scope, secret):
    """The signature of a request without parameters; scope is DATE/REGION/SERVICE/aws4_request."""
    payload = hashlib.sha256(request.body).hexdigest()
    path, _, query = request.path.partition("?")
    query = query and query + "="  # the one parameter that is ever sent has no value
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in signed)
    canonical = "\n".join([request.method, path, query, headers, ";".join(signed), payload])
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, digest])
    date, region, service, _ = scope.split("/")
    return hmac.digest(derive(secret, date, region, service), text.encode(), "sha256").hex()


def signed_headers(method, url, body, key_id, secret, region="us-east-1", service="s3", **more):
    """The headers of a request that we make ourselves; more: others that are signed."""
    place = urllib.parse.urlsplit(url)
    path = place.path + (place.query and "?" + place.query)
    headers = {
        "host": place.netloc,
        "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    scope = f"{headers['x-amz-date'][:8]}/{region}/{service}/aws4_request"
    request = Request(method, path, headers, body)
    proof = signature(request, sorted(headers), scope, secret)
    names = ";".join(sorted(headers))
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, Signature={proof}"
    )
    return headers


class FakeAws(WebServer):
    """objects: what its S3 holds, by /BUCKET/KEY.  It issues credentials that hold for an hour."""

    def __init__(self, objects=None, clock=time.time):
        fake = self
        self.objects = objects or {}
        self.clock = clock
        self.registry_user = "AWS:password"
        self.web_identity = "web.identity.token"
        self.agent_token = "agent-token"
        self.lifetime = 3600
        self.requests = []
        self.refused = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                fake.answer(self)

            do_PUT = do_POST = do_GET

            def log_message(self, *_):
                pass

        self.url = f"http://{self.serve(Handler)}"

    def asked(self, service):
        """How often a service was asked: sts, ecr, s3, imds or agent."""
        return self.requests.count(service)

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"] or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(handler.command, handler.path, headers, body)
        service, reply = self.route(request)
        self.requests.append(service)
        status, content = reply(request)
        content = content if isinstance(content, bytes) else content.encode()
        if status != 200:
            self.refused.append((service, content))
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def route(self, request):
        if request.headers.get("content-type") == FORM:
            return "sts", self.assume_role
        if "x-amz-target" in request.headers:
            return "ecr", self.registry_token
        if request.path.startswith("/latest/"):
            return "imds", self.metadata
        if request.path == "/agent":
            return "agent", self.agent
        return "s3", self.object

    def expiration(self):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.clock() + self.lifetime))

    def credentials(self):
        return json.dumps(
            {
                "Code": "Success",
                "AccessKeyId": KEY_ID,
                "SecretAccessKey": SECRET,
                "Token": SESSION,
                "Expiration": self.expiration(),
            }
        )

    def assume_role(self, request):
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        if form.get("WebIdentityToken") != self.web_identity or "RoleArn" not in form:
            code = "<Code>InvalidIdentityToken</Code>"
            return 400, f"<ErrorResponse><Error>{code}</Error></ErrorResponse>"
        return 200, (
            '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            f"<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{KEY_ID}</AccessKeyId>"
            f"<SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>{SESSION}</SessionToken>"
            f"<Expiration>{self.expiration()}</Expiration></Credentials>"
            "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        )

    def metadata(self, request):
        if request.method == "PUT" and "x-aws-ec2-metadata-token-ttl-seconds" in request.headers:
            return 200, "imds-token"
        if request.headers.get("x-aws-ec2-metadata-token") != "imds-token":
            return 401, ""
        answers = {ROLES: "the-role", ROLES + "the-role": self.credentials()}
        return (200, answers[request.path]) if request.path in answers else (404, "")

    def agent(self, request):
        if request.headers.get("authorization") != self.agent_token:
            return 401, ""
        return 200, self.credentials()

    def registry_token(self, request):
        wrong = self.wrong(request, "ecr")
        if wrong:
            return 400, json.dumps({"__type": wrong})
        token = base64.b64encode(self.registry_user.encode()).decode()
        data = {"authorizationToken": token, "expiresAt": self.clock() + self.lifetime}
        return 200, json.dumps({"authorizationData": [data]})

    def object(self, request):
        wrong = self.wrong(request, "s3")
        if wrong:
            return 403, f"<Error><Code>{wrong}</Code></Error>"
        if request.path not in self.objects:
            return 404, "<Error><Code>NoSuchKey</Code></Error>"
        return 200, self.objects[request.path]

    def wrong(self, request, service):
        """What is wrong with the request's signature; None: nothing."""
        algorithm, _, rest = request.headers.get("authorization", "").partition(" ")
        if algorithm != "AWS4-HMAC-SHA256":
            return "AccessDenied"
        parts = dict(part.split("=", 1) for part in rest.split(", "))
        key_id, _, scope = parts["Credential"].partition("/")
        signed = parts["SignedHeaders"].split(";")
        date = request.headers["x-amz-date"]
        when = calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
        if key_id != KEY_ID:
            return "InvalidAccessKeyId"
        if request.headers.get("x-amz-security-token") != SESSION:
            return "InvalidToken"
        if abs(when - self.clock()) > SKEW:
            return "RequestTimeTooSkewed"
        whole = scope.startswith(date[:8]) and scope.endswith(f"/{service}/aws4_request")
        must_sign = {"host"} | {name for name in request.headers if name.startswith("x-amz-")}
        proof = signature(request, signed, scope, SECRET)
        if not whole or not must_sign <= set(signed) or proof != parts["Signature"]:
            return "SignatureDoesNotMatch"
        return None
