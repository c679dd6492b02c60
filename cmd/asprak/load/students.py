#!/usr/bin/python3
"""students.py KEYFILE FOLDER COUNT  -- makes COUNT tiny documents, each beside the token of a
student of its own (HS256, as `asprak token` prints them), for runs in which every request is
another person's."""
import base64, hashlib, hmac, json, os, sys, time

key, folder, count = open(sys.argv[1], "rb").read(), sys.argv[2], int(sys.argv[3])
b64 = lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=")
now = int(time.time())
head = b64(b'{"alg":"HS256","typ":"JWT"}')
os.makedirs(folder, exist_ok=True)
for i in range(count):
    claims = {"iss": "asprak", "sub": f"load-{i}", "aud": ["asprak-api"], "exp": now + 43200, "nbf": now, "iat": now, "role": "applicant"}
    body = head + b"." + b64(json.dumps(claims, separators=(",", ":")).encode())
    token = body + b"." + b64(hmac.new(key, body, hashlib.sha256).digest())
    with open(f"{folder}/{i}.png", "wb") as f:
        f.write(b"x")
    with open(f"{folder}/{i}.png.json", "w") as f:
        json.dump({"token": token.decode()}, f)
