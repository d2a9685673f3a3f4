"""An SMTP server that prints each mail it takes, as a line of JSON.

    smtp.py PORT starttls|tls CERT KEY USER PASSWORD [drop]

Nobody gets in without TLS and the password. With drop, it takes the first mail and hangs up before it
says so.
"""

import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

port, mode, cert, key, user, password = sys.argv[1:7]
drop = sys.argv[7:] == ["drop"]


class Handler:
    async def handle_DATA(self, server, session, envelope):
        global drop
        print(json.dumps({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None or mode == "tls",
            "user": session.auth_data.decode(),
            "data": base64.b64encode(envelope.original_content).decode(),
        }), flush=True)
        if drop:
            drop = False
            server.transport.abort()
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data == LoginPassword(user.encode(), password.encode())
    return AuthResult(success=good, handled=False, auth_data=data.login if good else None)


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    def factory():
        return SMTP(Handler(), hostname="peer.test", authenticator=authenticate, auth_required=True,
                    tls_context=context if mode == "starttls" else None, require_starttls=mode == "starttls",
                    auth_require_tls=mode == "starttls")

    server = await asyncio.get_running_loop().create_server(
        factory, "127.0.0.1", int(port), ssl=context if mode == "tls" else None)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
