"""An OpenID provider in a thread, as exact as the real ones and, when told to, as wrong as none should be."""

import base64
import hashlib
import json
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT = "portail"
SECRET = "un-secret-assez-long-pour-signer-quelque-chose"
KEY = RSAKey.generate_key(2048, {"kid": "une"})


class Provider:
    """`said` is who logs in there; `forged` what its id_token says wrongly; `delay` seconds before it answers."""

    def __init__(self, address):
        self.issuer = address
        self.key, self.algorithm = KEY, "RS256"
        self.said = {"sub": "abc", "email": "claire@champoulant.example", "siret": "20003035100015"}
        self.forged, self.told_otherwise, self.metadata = {}, {}, {}
        self.delay, self.status, self.signs_userinfo = 0, 200, True
        self.asked, self.codes, self.paths = {}, set(), []

    def authorize(self, location):
        """What a person who says yes there is sent back with."""
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        code = f"code-{len(self.codes)}-{self.asked['state'][:5]}"
        self.codes.add(code)
        return {"code": code, "state": self.asked["state"]}

    def answer(self, path, posted):
        self.paths.append(path)
        if path == "/.well-known/openid-configuration":
            names = {"authorization": "authorize", "token": "token", "userinfo": "userinfo", "end_session": "logout"}
            document = {f"{name}_endpoint": f"{self.issuer}/{path}" for name, path in names.items()}
            document |= {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks"}
            return document | {"id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]} | self.metadata
        if path == "/jwks":
            return {"keys": [KEY.as_dict(private=False)]}
        if path == "/token":
            return self.token(posted)
        if path == "/userinfo":
            said = self.said | self.told_otherwise
            if not self.signs_userinfo:
                return said
            claims = said | {"iss": self.issuer, "aud": CLIENT} | self.told_otherwise
            return jwt.encode({"alg": "RS256", "kid": "une"}, claims, KEY)
        return None

    def token(self, posted):
        digest = hashlib.sha256(posted["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        client = (posted["client_id"], posted["client_secret"])
        if posted["code"] not in self.codes or challenge != self.asked["code_challenge"] or client != (CLIENT, SECRET):
            return None
        self.codes.discard(posted["code"])
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": self.said["sub"], "iat": now, "exp": now + 60}
        claims |= {"nonce": self.asked["nonce"]} | self.forged
        claims = {name: value for name, value in claims.items() if value is not None}
        return {"access_token": "ouvre", "token_type": "Bearer", "expires_in": 60, "id_token": self.signed(claims)}

    def signed(self, claims):
        if self.algorithm == "none":
            parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
            return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."
        key = OctKey.import_key(SECRET) if self.algorithm == "HS256" else self.key
        return jwt.encode({"alg": self.algorithm, "kid": "une"}, claims, key)


@contextmanager
def running_provider():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("Content-Length") or 0)
            posted = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            self.trickle(provider.delay)
            answer = provider.answer(urlsplit(self.path).path, posted)
            signed = isinstance(answer, str)
            self.send_response(provider.status if answer else 400)
            self.send_header("Content-Type", "application/jwt" if signed else "application/json")
            self.end_headers()
            self.wfile.write(answer.encode() if signed else json.dumps(answer or {"error": "invalid_grant"}).encode())

        do_POST = do_GET

        def trickle(self, seconds):
            """A line of headers each half second: a socket that only looks at the last byte waits for ever."""
            for _ in range(seconds * 2):
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                time.sleep(0.5)

        def log_message(self, *args):
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args):
            """Whoever asked has gone."""

    server = Server(("127.0.0.1", 0), Handler)
    provider = Provider(f"http://127.0.0.1:{server.server_port}")
    # At its own pace it looks twice a second whether to stop.
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
